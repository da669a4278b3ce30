#include "place.h"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "base/random.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/sqlite_store.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMemory = "/dev/shm";

fs::path NewFolder(const fs::path& parent) {
  const fs::path folder = parent / ("rollcall-jobs-bench-" + base::RandomId().substr(0, 12));
  fs::create_directories(folder);
  return folder;
}

}  // namespace

double Since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

Place::Place(Where where)
    : folder_(NewFolder(where != Where::kDisk && fs::exists(kMemory) ? fs::path(kMemory)
                                                                     : fs::temp_directory_path())) {
  if (where == Where::kStoreOnDisk) {
    disk_ = NewFolder(fs::temp_directory_path());
    fs::create_symlink(disk_ / "rollcall.db", folder_ / "rollcall.db");
  }
  Open();
}

Place::~Place() {
  Close();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  if (!disk_.empty()) fs::remove_all(disk_, ignored);
}

void Place::Open() {
  auto store = store::SqliteStore::Open({.path = folder_ / "rollcall.db"}, {clock_});
  ROLLCALL_CHECK(store.ok(), store.error().ToString());
  store_ = std::move(store).value();
}

void Place::Close() { store_.reset(); }

void Place::MoveToDisk() {
  Close();
  const fs::path disk = NewFolder(fs::temp_directory_path());
  fs::copy(folder_, disk, fs::copy_options::recursive);
  fs::remove_all(folder_);
  folder_ = disk;
  ::sync();
}

std::string Place::Key(int number) { return fmt::format("episode_{:06}", number); }

store::Job Place::Submit(int number) {
  const std::string key = Key(number);
  const auto put = store().EpisodePut({.key = key,
                                       .display = key,
                                       .video_path = "/videos/" + key + ".mp4",
                                       .fingerprint = key,
                                       .created_at = Now().wall});
  ROLLCALL_CHECK(put.ok(), put.error().ToString());
  const base::Json params{{"segments", 10}};
  auto submission = store().JobSubmit(jobs::FakeRequest(key, {"detect"}, params));
  ROLLCALL_CHECK(submission.ok(), submission.error().ToString());
  return std::move(submission->job);
}

store::LeasedTask Place::Claim() {
  auto task = store().TaskClaim({.agent = agent_, .stages = {}, .lease = kLease});
  ROLLCALL_CHECK(task.ok() && task->has_value());
  ROLLCALL_CHECK(store().TaskStarted((*task)->fence, 1, 1).ok());
  return **std::move(task);
}

void Place::Commit(const store::Fence& fence, std::int64_t number) {
  const auto committed =
      store().SegmentCommit(fence, {.number = number,
                                    .pts_from = std::chrono::seconds{10 * number},
                                    .pts_to = std::chrono::seconds{10 * number + 10},
                                    .path = {},
                                    .size_bytes = 0,
                                    .sha256 = {},
                                    .counters_json = R"({"faces_detected":12})",
                                    .resume_blob = {}});
  ROLLCALL_CHECK(committed.ok(), committed.error().ToString());
}

void Place::Succeed(const store::Fence& fence) {
  const store::AttemptEnd end{.outcome = store::AttemptOutcome::kSucceeded,
                              .error = {},
                              .retry_in = std::nullopt,
                              .exit = "exit 0",
                              .rss_peak_bytes = 0};
  ROLLCALL_CHECK(store().TaskSucceed(fence, "{}", {}, end).ok());
}

}  // namespace rollcall::bench
