#include "housekeeping/sweeper.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>

#include "base/file.h"
#include "base/random.h"
#include "base/testing/without_privileges.h"
#include "episode/episode_kind.h"
#include "store/memory/memory_store.h"
#include "store/testing/faulty_store.h"
#include "vault/local/local_vault.h"

namespace rollcall::housekeeping {
namespace {

namespace fs = std::filesystem;
using store::Fence;
using testing::HasSubstr;

constexpr std::chrono::hours kRetention{24};

class SweeperTest : public testing::Test {
 protected:
  SweeperTest() {
    fs::create_directories(root_);
    for (const char* key : {"x", "y.g7"}) {
      EXPECT_TRUE(store_
                      .EpisodePut({.key = key,
                                   .display = key,
                                   .video_path = "/v",
                                   .fingerprint = key,
                                   .created_at = clock_.Now().wall})
                      .ok());
    }
  }
  ~SweeperTest() override {
    std::error_code ignored;
    fs::permissions(data_dir_ / "harvest/x", fs::perms::owner_all, ignored);
    fs::remove_all(root_, ignored);
  }

  // As old as asked for, by the fake clock.
  void Put(const std::string& path, std::chrono::hours age, const fs::path& below = {}) {
    const fs::path file = (below.empty() ? data_dir_ : below) / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "bytes of " << path;
    SetAge(file, age);
  }
  void SetAge(const fs::path& file, std::chrono::hours age) {
    const auto at = std::chrono::duration_cast<std::chrono::seconds>(
        (clock_.Now().wall - age).time_since_epoch());
    const std::array<timespec, 2> times{timespec{at.count(), 0}, timespec{at.count(), 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), 0);
  }
  bool Exists(const std::string& path) {
    return fs::symlink_status(data_dir_ / path).type() != fs::file_type::not_found;
  }
  // Every file and its bytes.
  std::map<std::string, std::string> Everything() {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (entry.is_regular_file()) files[entry.path()] = base::ReadFile(entry.path()).value();
    }
    return files;
  }

  // A run of detect of `key` that a worker has begun.
  store::LeasedTask Begin(const std::string& key, const std::string& work) {
    EXPECT_TRUE(
        store_
            .JobSubmit({.subject = {"episode", key},
                        .kind = "detect",
                        .stages = {{.name = "detect", .work_key = work, .dedupe_key = work}}})
            .ok());
    auto task = store_.TaskClaim({.agent = {.id = "a", .incarnation = "i", .boot_id = "b"},
                                  .stages = {},
                                  .lease = std::chrono::hours{1000}});
    EXPECT_TRUE(task.ok() && task->has_value());
    EXPECT_TRUE(store_.TaskStarted((*task)->fence, 1, 1).ok());
    return **task;
  }
  std::string PutSegment(const store::LeasedTask& task, std::chrono::hours age) {
    const std::string path =
        "harvest/x/segments/detect/seg-00000.t" + std::to_string(task.fence.token) + ".0123abcd";
    Put(path, age);
    EXPECT_TRUE(
        store_
            .SegmentCommit(task.fence, {.number = 0, .path = path, .size_bytes = 1, .sha256 = "s"})
            .ok());
    return path;
  }
  void Finish(const store::LeasedTask& task, const std::vector<std::string>& names) {
    std::vector<domain::Artifact> artifacts;
    for (const std::string& name : names) {
      artifacts.push_back({.name = name, .path = name + ".g" + std::to_string(task.fence.token)});
    }
    EXPECT_TRUE(store_.TaskSucceed(task.fence, "{}", artifacts, {}).ok());
  }
  static base::HeldFolder OpenFolder(const fs::path& path) {
    fs::create_directories(path);
    return base::HeldFolder::Open(path).value();
  }
  Sweeper SweeperOf(store::JobStore& store) {
    return Sweeper({.store = store, .vault = vault_, .kinds = kinds_, .clock = clock_, .log = log_},
                   kRetention);
  }
  Sweeper::Swept Sweep() {
    Sweeper sweeper = SweeperOf(store_);
    auto swept = sweeper.Sweep([] { return false; });
    EXPECT_TRUE(swept.ok()) << swept.error().ToString();
    return *swept;
  }

  const fs::path root_ = fs::temp_directory_path() / ("rollcall-sweep-" + base::RandomId());
  const fs::path data_dir_ = root_ / "data";
  base::FakeClock clock_;
  store::MemoryStore store_{{clock_}};
  const subject::StageTable stages_{
      {{.name = "detect", .title = "Detect", .needs = {}, .handler = [](const auto&) {
          return nullptr;
        }}}};
  const subject::SubjectKinds kinds_ =
      subject::SubjectKinds::Create({episode::EpisodeKind(stages_)}).value();
  const base::HeldFolder folder_ = OpenFolder(data_dir_);
  vault::LocalVault vault_{folder_, clock_};
  projection::WorkerLog log_{data_dir_};
};

constexpr std::chrono::hours kOld{25};
constexpr std::chrono::hours kYoung{23};

// A person may keep things beside results, under any name.
TEST_F(SweeperTest, LeavesAPersonsOwnFilesBesideResultsAlone) {
  Finish(Begin("x", "w1"), {"outputs/x/totals.csv"});
  Put("outputs/x/totals.csv.g1", kOld);
  Put("outputs/x/totals.csv.g7", kOld);  // Of an attempt that was killed.
  Put("outputs/x/notes.g1", kOld);
  Put("outputs/x/photos.g20/mine.jpg", kOld);
  SetAge(data_dir_ / "outputs/x/photos.g20", kOld);
  EXPECT_EQ(Sweep().files, 1);
  EXPECT_FALSE(fs::exists(data_dir_ / "outputs/x/totals.csv.g7"));
  EXPECT_TRUE(fs::exists(data_dir_ / "outputs/x/notes.g1"));
  EXPECT_TRUE(fs::exists(data_dir_ / "outputs/x/photos.g20/mine.jpg"));
}

TEST_F(SweeperTest, KeepsWhatRowsNameWhateverItsAge) {
  const auto first = Begin("x", "w1");
  PutSegment(first, kOld);
  Put("harvest/x/detect.bin.g1", kOld);
  Put("harvest/x/stills.g1/a.jpg", kOld);
  SetAge(data_dir_ / "harvest/x/stills.g1", kOld);
  Finish(first, {"harvest/x/detect.bin", "harvest/x/stills"});
  // A newer generation with other parameters: the older stays, a start may take it over.
  const auto second = Begin("x", "w2");
  Put("outputs/x/report.json.g2", kOld);
  Finish(second, {"outputs/x/report.json"});
  const auto before = Everything();
  EXPECT_EQ(Sweep().files, 0);
  EXPECT_EQ(Everything(), before) << "byte for byte";
}

TEST_F(SweeperTest, RemovesWhatNoRowNamesOnceItIsOld) {
  const auto task = Begin("x", "w");
  const std::string segment = PutSegment(task, kOld);
  Finish(task, {"outputs/x/report.json"});
  const std::vector<std::string> litter = {"harvest/x/segments/detect/seg-00001.t1.0123abcd",
                                           "harvest/x/segments/detect/seg-00002.t1.0123abcd.tmp",
                                           "harvest/x/tracks.json.g1",
                                           "harvest/x/diagnostics/track_stats.json.g1",
                                           "outputs/x/report.json.g7",
                                           "episodes/x/state.json.tmp999999999.3",
                                           "jobs/detect_x/meta.json.tmp999999999.4",
                                           "jobs/detect_x/worker.out",
                                           "jobs/detect_gone/worker.out"};
  for (const std::string& path : litter) Put(path, kYoung);
  Put("harvest/x/stills.g1/a.jpg", kYoung);
  EXPECT_EQ(Sweep().files, 0) << "young";
  clock_.Advance(std::chrono::hours{2});
  EXPECT_EQ(Sweep().files, static_cast<int>(litter.size()))
      << "the folder was made by the test just now, so it is young";
  for (const std::string& path : litter) EXPECT_FALSE(Exists(path)) << path;
  EXPECT_TRUE(Exists("harvest/x/stills.g1"));
  SetAge(data_dir_ / "harvest/x/stills.g1", kOld);
  EXPECT_EQ(Sweep().files, 1);
  EXPECT_FALSE(Exists("harvest/x/stills.g1"));
  EXPECT_TRUE(Exists(segment));
  EXPECT_THAT(base::ReadFile(data_dir_ / "logs/worker.log").value(),
              HasSubstr("[AGENT] removed 9 old files that nothing refers to: "));
}

TEST_F(SweeperTest, KeepsWhatAnAttemptMayBeWriting) {
  const auto task = Begin("x", "w");
  const std::string token = std::to_string(task.fence.token);
  Put("harvest/x/detect.bin.g" + token, kOld);
  Put("harvest/x/segments/detect/seg-00000.t" + token + ".0123abcd.tmp", kOld);
  Put("harvest/x/state.json.tmp" + std::to_string(::getpid()) + ".0", kOld);
  Put("jobs/detect_x/worker.out", kOld);
  EXPECT_EQ(Sweep().files, 0);
  EXPECT_TRUE(store_.TaskEnd(task.fence, {.outcome = store::AttemptOutcome::kFailed}).ok());
  EXPECT_EQ(Sweep().files, 3) << "all but that of this process";
}

TEST_F(SweeperTest, KeepsWhatThePlainNameShows) {
  Put("harvest/x/tracks.json.g1", kOld);
  Put("harvest/x/tracks.json.g2", kOld);
  ASSERT_TRUE(base::LinkAtomic(data_dir_ / "harvest/x/tracks.json", "tracks.json.g1").ok());
  EXPECT_EQ(Sweep().files, 1);
  EXPECT_TRUE(Exists("harvest/x/tracks.json.g1"));
}

TEST_F(SweeperTest, LeavesAloneWhatIsNotOurs) {
  const std::vector<std::string> others = {"harvest/x/notes.txt",
                                           "harvest/x/seg-1.t1.abc",
                                           "harvest/x/holiday.gif",
                                           "harvest/x/tracks.json.g",
                                           "harvest/x/my.tmp",
                                           "harvest/unknown/tracks.json.g1",
                                           "videos/film.g1",
                                           "uploads/film.mp4.tmp999999999.1",
                                           "models/default/model.onnx.g3",
                                           "jobs/somebody/worker.out",
                                           "jobs/detect_y.g7/log",
                                           "harvest/y.g7/mine.txt",
                                           "rollcall.toml.tmp999999999.1",
                                           "jobs/detect_x/worker.out.old"};
  for (const std::string& path : others) Put(path, kOld);
  for (const char* folder : {"jobs/detect_y.g7", "harvest/y.g7", "jobs", "harvest"}) {
    SetAge(data_dir_ / folder, kOld);
  }
  const auto before = Everything();
  EXPECT_EQ(Sweep().files, 0);
  EXPECT_EQ(Everything(), before);
}

TEST_F(SweeperTest, FollowsNoLink) {
  const fs::path outside = root_ / "outside";
  Put("segments/detect/seg-00000.t1.0123abcd", kOld, outside);
  Put("tracks.json.g1", kOld, outside);
  fs::create_directories(data_dir_ / "harvest/x/stills.g1");
  fs::create_directory_symlink(outside, data_dir_ / "harvest/linked");
  fs::create_directory_symlink(outside / "segments", data_dir_ / "harvest/x/segments");
  fs::create_directory_symlink(outside, data_dir_ / "harvest/x/stills.g1/out");
  fs::create_directory_symlink(outside, data_dir_ / "harvest/x/pictures.g1");
  fs::create_directory_symlink(outside, data_dir_ / "outputs");
  for (const char* link : {"harvest/x/stills.g1/out", "harvest/x/pictures.g1"}) {
    SetAge(data_dir_ / link, kOld);
  }
  SetAge(data_dir_ / "harvest/x/stills.g1", kOld);
  EXPECT_TRUE(store_
                  .EpisodePut({.key = "linked",
                               .display = "l",
                               .video_path = "/v",
                               .fingerprint = "l",
                               .created_at = clock_.Now().wall})
                  .ok());
  EXPECT_EQ(Sweep().files, 2) << "the links that have our names, themselves";
  EXPECT_FALSE(Exists("harvest/x/stills.g1"));
  EXPECT_FALSE(Exists("harvest/x/pictures.g1"));
  EXPECT_TRUE(fs::exists(outside / "segments/detect/seg-00000.t1.0123abcd"));
  EXPECT_TRUE(fs::exists(outside / "tracks.json.g1"));
}

TEST_F(SweeperTest, SaysWhatItCannotRemove) {
  const base::testing::WithoutPrivileges without_privileges;
  Put("harvest/x/tracks.json.g1", kOld);
  fs::permissions(data_dir_ / "harvest/x", fs::perms::owner_read | fs::perms::owner_exec);
  const auto swept = Sweep();
  EXPECT_EQ(swept.files, 0);
  EXPECT_EQ(swept.kept_by_failure, 1);
  EXPECT_THAT(swept.first_failure, HasSubstr("harvest/x/tracks.json.g1: Permission denied"));
}

TEST_F(SweeperTest, EndsWhenItIsAskedTo) {
  Put("harvest/x/tracks.json.g1", kOld);
  Sweeper sweeper = SweeperOf(store_);
  EXPECT_EQ(sweeper.Sweep([] { return true; })->files, 0);
  EXPECT_TRUE(Exists("harvest/x/tracks.json.g1"));
}

// A hundred thousand episodes' files at once were most of an owner's memory.
TEST_F(SweeperTest, GathersTheFilesOfOneEpisodeAtATime) {
  auto inner = std::make_unique<store::MemoryStore>(store::StoreClock{clock_});
  for (const char* key : {"a", "b", "c"}) {
    const store::Episode episode{
        .key = key, .display = key, .video_path = "/v", .fingerprint = key};
    ASSERT_TRUE(inner->EpisodePut(episode).ok());
    Put(fs::path("harvest") / key / "tracks.json.g1", kOld);
  }
  // When the first episode is asked for, the files of all go.
  int asked = 0;
  store::FaultyStore store(
      std::move(inner), [&](std::string_view method, store::FaultyStore::When when) {
        if (method == "EpisodeGet" && when == store::FaultyStore::When::kBefore && asked++ == 0) {
          for (const char* key : {"a", "b", "c"}) fs::remove_all(data_dir_ / "harvest" / key);
        }
        return std::optional<base::Error>();
      });
  Sweeper sweeper = SweeperOf(store);
  ASSERT_TRUE(sweeper.Sweep([] { return false; }).ok());
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace rollcall::housekeeping
