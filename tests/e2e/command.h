#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace rollcall::e2e {

// How a command ended.
struct Ended {
  int exit = -1;    // Status, or -1 if a signal ended it.
  int signal = 0;   // The signal.
  std::string out;  // Standard output, all of it.
  std::string err;
};

// One run of the program. Killed with its process group when the object goes.
class Command {
 public:
  using Environment = std::map<std::string, std::string>;

  // Arguments without the program's name. `environment` is added to ours.
  Command(std::vector<std::string> arguments, const Environment& environment);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int number) const;
  // Until its output, of either stream, holds `text`; false when it ended or time ran out before.
  bool WaitForOutput(std::string_view text, std::chrono::seconds limit = std::chrono::seconds{60});
  // Kills it when the limit is over.
  Ended Wait(std::chrono::seconds limit = std::chrono::seconds{110});

 private:
  // Takes what has come; false when both streams have ended.
  bool Read(std::chrono::milliseconds limit);

  pid_t pid_ = 0;
  base::UniqueFd out_;
  base::UniqueFd err_;
  Ended ended_;
  bool is_reaped_ = false;
};

// Start and wait.
Ended RunCommand(std::vector<std::string> arguments, const Command::Environment& environment);

// Looks again and again, every few milliseconds, until `holds` or the limit.
template <typename Holds>
bool WaitUntil(Holds holds, std::chrono::seconds limit = std::chrono::seconds{60});

// Makes a video with the ffmpeg program, which is among the packages of the tests.
bool Ffmpeg(const std::string& arguments);

// A short wait between two looks.
void PauseBetweenLooks();

template <typename Holds>
bool WaitUntil(Holds holds, std::chrono::seconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    PauseBetweenLooks();
  }
  return true;
}

// Processes whose command line or open data directory names `folder`: what is left of a test.
std::vector<std::string> ProcessesAbout(const std::filesystem::path& folder);

}  // namespace rollcall::e2e
