#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace rollcall::vision {

// A web server for tests: gives fixed files on the loopback, one connection at a time, and can
// break off in the middle.
class FileServer {
 public:
  FileServer();
  ~FileServer();
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  std::string Url(const std::string& path) const;
  void Put(const std::string& path, std::string bytes);
  // The next answer ends after so many bytes of its body, without a farewell.
  void BreakAfter(std::size_t bytes);
  // Whether `Range` is honoured; if not, every answer is the whole file.
  void AllowRanges(bool is_allowed);
  // Of every request: "GET /path bytes=5-", the range as the client asked for it.
  std::vector<std::string> requests() const;

 private:
  void Serve();
  void Answer(int connection);

  base::UniqueFd listener_;
  int port_ = 0;
  std::atomic<bool> is_stopping_{false};
  mutable base::Mutex mutex_;
  std::map<std::string, std::string> files_ ROLLCALL_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ ROLLCALL_GUARDED_BY(mutex_);
  std::size_t break_after_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  bool has_ranges_ ROLLCALL_GUARDED_BY(mutex_) = true;
  std::thread thread_;  // Last: it uses all the others.
};

}  // namespace rollcall::vision
