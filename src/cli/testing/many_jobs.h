#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/http.h"
#include "api/job_view.h"
#include "base/json.h"
#include "base/result.h"
#include "server/http_server.h"
#include "server/router.h"

namespace rollcall::cli::testing {

// Jobs as an engine has them, with numbers from 1 in the order of their start. Thread-safe but for
// what a test sets before.
class ManyJobs {
 public:
  // What a start of a video answers: a job and whether it is there already, or an error.
  struct Begun {
    api::JobView job;
    bool is_existing = false;
    bool is_resumed = false;
  };
  using OnStart = std::function<base::Result<Begun>(const std::string& video, std::int64_t id)>;

  OnStart on_start;
  std::string known_key;     // Of an episode that is there.
  bool hides_ended = false;  // As a stream that began after their end.

  base::Result<api::Answer> Start(const api::Request& request);
  base::Result<api::Answer> Episode(const std::string& key) const;
  void Set(const api::JobView& job);
  base::Json Cancel(std::int64_t id);
  base::Json Show(std::int64_t id);
  std::string Views();  // Of a stream.
  // "start /v/e1.mp4", "cancel 1", "show 1"
  std::vector<std::string> calls();

 private:
  std::mutex mutex_;
  std::map<std::int64_t, api::JobView> jobs_;
  std::vector<std::string> calls_;
};

// What an engine answers of them, at a data directory's socket.
class ManyJobsServer {
 public:
  ManyJobsServer(ManyJobs& jobs, const std::filesystem::path& data);

 private:
  const server::Router router_;
  const std::unique_ptr<server::HttpServer> server_;
};

}  // namespace rollcall::cli::testing
