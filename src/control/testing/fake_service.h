#pragma once

#include <map>
#include <string>

#include "base/mutex.h"
#include "control/control_server.h"

namespace rollcall::control::testing {

// A temporary folder, gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A job with one running stage.
api::JobView SampleJob(std::int64_t id);

// Methods: "echo" gives params back, "fail" gives ERR_DISK_FULL, "block" waits for Release().
// Thread-safe.
class FakeService final : public Service {
 public:
  base::Result<base::Json> Call(std::string_view method, const base::Json& params) override;
  base::Result<api::JobView> View(std::int64_t job_id) override;
  void OnClientCount(int count) override;

  void Put(api::JobView view);
  void Remove(std::int64_t job_id);
  // From now on a look at a job waits for Release(), too.
  void BlockViews();
  void Release();
  // Return when it is so; the test's own time limit ends a wait in vain.
  void WaitForBlocked(int count = 1);
  void WaitForClients(int count);

 private:
  void Block() ROLLCALL_REQUIRES(mutex_);

  base::Mutex mutex_;
  base::CondVar changed_;
  std::map<std::int64_t, api::JobView> jobs_ ROLLCALL_GUARDED_BY(mutex_);
  int clients_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  int blocked_ ROLLCALL_GUARDED_BY(mutex_) = 0;  // Calls and looks.
  bool blocks_views_ ROLLCALL_GUARDED_BY(mutex_) = false;
  bool is_released_ ROLLCALL_GUARDED_BY(mutex_) = false;
};

}  // namespace rollcall::control::testing
