// That an owner's start costs what has changed, not what is there: counted, not timed.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/unique_fd.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/memory/memory_store.h"
#include "store/testing/faulty_store.h"

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;

// What was asked of a store, but for what an owner asks again and again: how often it asks that
// says nothing. Of the changes that it asks for, those that it gets count.
class CountingStore final : public store::FaultyStore {
 public:
  explicit CountingStore(std::unique_ptr<store::JobStore> inner)
      : store::FaultyStore(std::move(inner), [this](std::string_view method, When when) {
          if (when == When::kBefore) Count(std::string(method), 1);
          return std::optional<base::Error>();
        }) {}

  base::Result<std::vector<store::RunView>> RunsChangedSince(std::int64_t change,
                                                             int limit) override {
    auto runs = inner().RunsChangedSince(change, limit);
    Count("changes", runs.ok() ? static_cast<int>(runs->size()) : 0);
    ++rounds_;
    return runs;
  }

  std::map<std::string, int> counts() const {
    base::MutexLock lock(mutex_);
    std::map<std::string, int> counts = counts_;
    for (const char* again : {"TaskClaim", "NextRetry", "LeaseReap"}) counts.erase(again);
    return counts;
  }
  int CountOf(const std::string& method) const {
    base::MutexLock lock(mutex_);
    const auto found = counts_.find(method);
    return found == counts_.end() ? 0 : found->second;
  }
  int rounds() const { return rounds_; }  // In which the projector looked for changes.
  void Reset() {
    base::MutexLock lock(mutex_);
    counts_.clear();
    rounds_ = 0;
  }

 private:
  void Count(const std::string& method, int by) {
    base::MutexLock lock(mutex_);
    counts_[method] += by;
  }

  mutable base::Mutex mutex_;
  std::map<std::string, int> counts_ ROLLCALL_GUARDED_BY(mutex_);
  std::atomic<int> rounds_ = 0;
};

// Counts how often files in the folders of a tree are opened, whatever for. Folders that are only
// looked through do not count: the sweeper does that in its own time.
class OpenedFiles {
 public:
  explicit OpenedFiles(const fs::path& root) : queue_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    for (const char* area : {"jobs", "episodes", "harvest"}) {
      Watch(root / area);
      for (const auto& entry : fs::recursive_directory_iterator(root / area)) {
        if (entry.is_directory() && !entry.is_symlink()) Watch(entry.path());
      }
    }
  }

  // Names, with how often.
  std::map<std::string, int> Take() {
    std::map<std::string, int> opened;
    alignas(inotify_event) std::array<char, 65'536> buffer{};
    while (true) {
      const ssize_t size = ::read(queue_.get(), buffer.data(), buffer.size());
      if (size <= 0) return opened;
      for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        EXPECT_EQ(event->mask & IN_Q_OVERFLOW, 0U);
        if ((event->mask & IN_ISDIR) == 0U) ++opened[event->len > 0 ? event->name : ""];
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
  }

 private:
  void Watch(const fs::path& folder) {
    EXPECT_GE(::inotify_add_watch(queue_.get(), folder.c_str(), IN_OPEN), 0) << folder;
  }

  base::UniqueFd queue_;
};

class ProjectorStartTest : public EngineTest {
 protected:
  struct Work {
    std::map<std::string, int> asked;   // Of the store.
    std::map<std::string, int> opened;  // Files, by name.
  };

  ProjectorStartTest() {
    auto counting = std::make_unique<CountingStore>(
        std::make_unique<store::MemoryStore>(store::StoreClock{clock_}));
    counting_ = counting.get();
    store_ = std::move(counting);
  }

  // Until so many episodes are done, and projected by an owner that has ended.
  void Finish(int episodes) {
    for (; finished_ < episodes; ++finished_) FinishOne("e" + std::to_string(finished_));
    Own([] { return true; });
    ASSERT_TRUE(Exists("episodes/e0/state.json"));
    ASSERT_TRUE(Exists("jobs/.projected.json"));
  }

  // What an owner does until it claims, its projector has followed the store, and its sweeper has
  // looked through everything.
  Work Start() {
    constexpr int kRounds = 3;  // One that reads the cursor, one that follows, one that is quiet.
    const fs::path left = data_dir_ / "jobs/detect_e0/left.tmp999999999.1";
    std::ofstream(left) << "of a process that has ended";
    fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours{48});
    OpenedFiles files(data_dir_);
    counting_->Reset();
    Own([&] {
      return counting_->CountOf("TaskClaim") > 0 && counting_->rounds() >= kRounds &&
             !fs::exists(left);
    });
    return {.asked = counting_->counts(), .opened = files.Take()};
  }

 private:
  void FinishOne(const std::string& key) {
    ASSERT_TRUE(store_
                    ->EpisodePut({.key = key,
                                  .display = key,
                                  .video_path = "/videos/" + key + ".mp4",
                                  .fingerprint = key,
                                  .created_at = clock_.Now().wall})
                    .ok());
    const auto request = FakeRequest(key, {"detect"}, base::Json::object());
    ASSERT_TRUE(store_->JobSubmit(request).ok());
    const auto task = store_->TaskClaim(
        {.agent = {"test", "1", base::BootId()}, .stages = {}, .lease = std::chrono::hours{1}});
    ASSERT_TRUE(task.ok() && *task);
    const store::Fence& fence = (*task)->fence;
    ASSERT_TRUE(store_->TaskStarted(fence, 1, 1).ok());
    const std::string name = "harvest/" + key + "/detect.bin";
    const std::vector<domain::Artifact> artifacts{{.name = name,
                                                   .path = fmt::format("{}.g{}", name, fence.token),
                                                   .size_bytes = 4,
                                                   .sha256 = base::Sha256("done"),
                                                   .count = 1}};
    fs::create_directories(data_dir_ / "harvest" / key);
    std::ofstream(data_dir_ / artifacts[0].path) << "done";
    const store::AttemptEnd end{.outcome = store::AttemptOutcome::kSucceeded,
                                .error = {},
                                .retry_in = std::nullopt,
                                .exit = "exit 0",
                                .rss_peak_bytes = 0};
    ASSERT_TRUE(store_->TaskSucceed(fence, "{}", artifacts, end).ok());
  }

  // An owner with the product's own times, so that little is asked again and again.
  void Own(const std::function<bool()>& until) {
    StartEngine([](Engine::Options& options) { options.times = {}; });
    EXPECT_TRUE(Eventually(until));
    engine_.reset();
  }

  CountingStore* counting_ = nullptr;
  int finished_ = 0;
};

TEST_F(ProjectorStartTest, CostsTheSameHoweverMuchIsFinished) {
  Finish(20);
  const Work few = Start();
  Finish(200);
  const Work many = Start();
  EXPECT_EQ(many.asked, few.asked);
  EXPECT_EQ(many.opened, few.opened);
  EXPECT_EQ(few.asked.contains("RunHistory"), false);
  EXPECT_EQ(few.opened, (std::map<std::string, int>{{".projected.json", 1}}));
}

// What the test before this one would see if everything were projected at each start.
TEST_F(ProjectorStartTest, LooksAtEverythingWithoutTheCursor) {
  Finish(20);
  fs::remove(data_dir_ / "jobs/.projected.json");
  const Work work = Start();
  EXPECT_GE(work.asked.at("changes"), 20);
  EXPECT_GE(work.asked.at("RunHistory"), 20);
  EXPECT_GE(work.opened.at("meta.json"), 20);
  EXPECT_GE(work.opened.at("state.json"), 20);
}

}  // namespace
}  // namespace rollcall::jobs
