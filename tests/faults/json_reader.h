#pragma once

#include <atomic>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "table.h"

namespace rollcall::faults {

// Reads the JSON files of the episodes and jobs that it follows, as an impatient page would: more
// than a thousand times a second, those of the newest three times in four. All must parse. What one
// has said to be finished must stay so, and in the end all must say so.
class JsonReader {
 public:
  explicit JsonReader(std::filesystem::path folder);
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  // The stage detect of this key, from now on.
  void Follow(const std::string& key);
  // Returns when all files of the newest key were read since the call.
  void AwaitReading();
  // Seconds in which it made a thousand readings.
  int full_seconds() const { return full_seconds_; }
  // Ends the reading; a round is a reading.
  Row Finish();

 private:
  void Run();
  std::string KeyOfTurn(std::size_t turn);
  // How many files it read.
  int ReadFilesOf(const std::string& key);
  void Judge(const std::filesystem::path& path, const std::string& text);
  void Stop();

  const std::filesystem::path folder_;
  base::Mutex mutex_;
  std::vector<std::string> keys_ ROLLCALL_GUARDED_BY(mutex_);
  std::atomic<bool> is_ending_{false};
  std::atomic<int> full_seconds_{0};
  std::atomic<std::int64_t> turns_{0};
  // Of the thread, and after its end of Finish.
  Row row_{.name = "JSON reader"};
  std::set<std::filesystem::path> finished_;  // Files that said so.
  std::thread thread_;
};

}  // namespace rollcall::faults
