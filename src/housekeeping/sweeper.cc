#include "housekeeping/sweeper.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <regex>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace rollcall::housekeeping {
namespace {

namespace fs = std::filesystem;
using base::Result;

// A name that we give, and what it says about who is writing under it.
struct OwnName {
  std::int64_t token = 0;  // Of the attempt; 0: it says none.
  std::int64_t pid = 0;    // Of the process; 0: it says none.
  bool is_result = false;  // "name.g<token>": below outputs/ ours only if a row has had that name.
};

std::int64_t NumberOf(const std::csub_match& match) {
  std::int64_t number = 0;
  std::from_chars(match.first, match.second, number);
  return number;
}

// nullopt for a name that is none of ours.
std::optional<OwnName> ParseName(const std::string& name) {
  // Of jobs::StageSegmentFile (with .tmp: of engines of before), artifacts::ArtifactFolder and
  // base::WriteFileAtomic.
  static const std::regex kSegment(R"(seg-\d{5,}\.t(\d{1,18})\.[0-9a-f]{8}(\.tmp)?)");
  static const std::regex kResult(R"(.+\.g(\d{1,18}))");
  static const std::regex kTemporary(R"(.+\.tmp(\d{1,18})\.\d+)");
  std::cmatch parts;
  if (std::regex_match(name.c_str(), parts, kTemporary)) return OwnName{.pid = NumberOf(parts[1])};
  if (std::regex_match(name.c_str(), parts, kSegment)) return OwnName{.token = NumberOf(parts[1])};
  if (std::regex_match(name.c_str(), parts, kResult)) {
    return OwnName{.token = NumberOf(parts[1]), .is_result = true};
  }
  return std::nullopt;
}

bool IsProcess(std::int64_t pid) {
  std::error_code failure;
  return fs::exists(fmt::format("/proc/{}", pid), failure) || failure;
}

fs::file_status StatusOf(const fs::path& path) {
  std::error_code failure;
  return fs::symlink_status(path, failure);
}

}  // namespace

struct Sweeper::Candidate {
  fs::path path;  // Relative to the data directory.
  OwnName name;
};

// Looks below one folder for what is old and ours; real folders only.
class Sweeper::Walk {
 public:
  Walk(const Sweeper& sweeper, const std::function<bool()>& is_ending)
      : sweeper_(sweeper), is_ending_(is_ending) {}

  // `extra`: a name that is a candidate as well.
  std::vector<Candidate> Below(const fs::path& folder, std::string_view extra = {}) {
    found_.clear();
    Look(folder, extra);
    return std::move(found_);
  }

 private:
  void Look(const fs::path& folder, std::string_view extra) {
    const fs::path absolute = sweeper_.options_.data_dir / folder;
    if (!fs::is_directory(StatusOf(absolute))) return;
    std::error_code failure;  // What cannot be read is not looked through.
    for (fs::directory_iterator at(absolute, failure), end; !failure && at != end && !is_ending_();
         at.increment(failure)) {
      const fs::path path = folder / at->path().filename();
      const std::string name = path.filename().string();
      const auto own = name == extra ? OwnName{} : ParseName(name);
      if (own && sweeper_.IsOld(at->path())) {
        found_.push_back({.path = path, .name = *own});
      } else if (!own) {
        Look(path, extra);
      }
    }
  }

  const Sweeper& sweeper_;
  const std::function<bool()>& is_ending_;
  std::vector<Candidate> found_;
};

// By the newest time in it, of itself and not of what a link names.
bool Sweeper::IsOld(const fs::path& path) const {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return false;
  const base::WallTime changed{std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::seconds{status.st_mtim.tv_sec} +
      std::chrono::nanoseconds{status.st_mtim.tv_nsec})};
  if (clock_.Now().wall - changed < options_.retention) return false;
  if (!S_ISDIR(status.st_mode)) return true;
  std::error_code failure;
  for (fs::directory_iterator at(path, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (!IsOld(at->path())) return false;
  }
  return !failure;
}

bool Sweeper::IsRealFolder(const fs::path& path) const {
  return fs::is_directory(StatusOf(options_.data_dir / path));
}

// Calls `act` with each name in a real folder of the data directory, until it fails or the sweep
// ends. Names are not gathered: there are as many as there are episodes.
template <typename Act>
Result<void> Sweeper::ForEachIn(const char* area, const std::function<bool()>& is_ending,
                                const Act& act) const {
  if (!IsRealFolder(area)) return {};
  std::error_code failure;
  for (fs::directory_iterator at(options_.data_dir / area, failure), end;
       !failure && at != end && !is_ending(); at.increment(failure)) {
    ROLLCALL_TRY(act(at->path().filename().string()));
  }
  return {};
}

Result<Sweeper::Swept> Sweeper::Sweep(const std::function<bool()>& is_ending) {
  Walk walk(*this, is_ending);
  Swept swept;
  std::vector<const char*> before;  // An episode is swept where its key comes first.
  std::vector<const char*> areas{"harvest", "outputs", "episodes"};
  std::erase_if(areas, [this](const char* area) { return !IsRealFolder(area); });
  while (!areas.empty()) {
    ROLLCALL_TRY(ForEachIn(areas.front(), is_ending, [&](const std::string& key) -> Result<void> {
      const auto has_key = [&](const char* area) {
        return fs::exists(StatusOf(options_.data_dir / area / key));
      };
      if (std::ranges::any_of(before, has_key)) return {};
      std::vector<Candidate> candidates;
      for (const char* area : areas) {
        std::ranges::move(walk.Below(fs::path(area) / key), std::back_inserter(candidates));
      }
      if (candidates.empty() || is_ending()) return {};
      return SweepEpisode(key, candidates, swept);
    }));
    before.push_back(areas.front());
    areas.erase(areas.begin());
  }
  // A key may look like one of our names: the folders of episodes and jobs are no candidates.
  ROLLCALL_TRY(ForEachIn("jobs", is_ending, [&](const std::string& public_id) -> Result<void> {
    const auto candidates = walk.Below(fs::path("jobs") / public_id, "worker.out");
    return is_ending() ? Result<void>() : SweepJobs(candidates, swept);
  }));
  Tell(swept);
  return swept;
}

Result<void> Sweeper::SweepEpisode(const std::string& key, const std::vector<Candidate>& candidates,
                                   Swept& swept) {
  // First who holds a lease, then what is recorded: an attempt that ends in between has recorded
  // its files by then, and one that begins in between has a token that no file has yet.
  ROLLCALL_TRY_ASSIGN(const auto leases, store_.LeaseList());
  std::set<std::int64_t> held;
  for (const store::Lease& lease : leases) held.insert(lease.fence.token);

  const auto episode = store_.EpisodeGet(key);
  if (!episode.ok()) {
    // Its files were kept on purpose when it was forgotten, or are of somebody else.
    if (episode.error().code == base::ErrorCode::kNotFound) return {};
    return episode.error();
  }
  std::set<std::string> recorded;
  std::set<std::string> names;  // That results of this episode have.
  for (const std::string& stage : options_.stages) {
    ROLLCALL_TRY_ASSIGN(const auto history, store_.RunHistory({"episode", key}, stage));
    std::set<std::string> works;
    for (const store::RunView& view : history) {
      works.insert(view.run.work_key);
      ROLLCALL_TRY_ASSIGN(const auto artifacts, store_.ArtifactList(view.run.id));
      for (const auto& artifact : artifacts) {
        recorded.insert(artifact.path);
        names.insert(artifact.name);
      }
    }
    for (const std::string& work_key : works) {
      ROLLCALL_TRY_ASSIGN(const auto segments, store_.SegmentList(work_key));
      for (const auto& segment : segments) recorded.insert(segment.path);
    }
  }
  for (const Candidate& candidate : candidates) {
    if (held.contains(candidate.name.token) || recorded.contains(candidate.path.string())) continue;
    // Beside results people keep files of their own: "notes.g1" is theirs, if no row has that name.
    const fs::path name = fs::path(candidate.path).replace_extension();
    const bool is_shared = *candidate.path.begin() == "outputs" && candidate.name.is_result;
    if (is_shared && !names.contains(name.string())) continue;
    Remove(candidate, swept);
  }
  return {};
}

// Whether no attempt of the run that is shown there can be writing: it has ended, or there is none.
Result<bool> Sweeper::HasEnded(const std::string& public_id) {
  for (const std::string& stage : options_.stages) {
    if (!public_id.starts_with(stage + "_")) continue;
    ROLLCALL_TRY_ASSIGN(const auto view,
                        store_.RunLatest({"episode", public_id.substr(stage.size() + 1)}, stage));
    return !view || domain::IsTerminal(view->run.state);
  }
  return false;  // Not a folder of ours.
}

Result<void> Sweeper::SweepJobs(const std::vector<Candidate>& candidates, Swept& swept) {
  for (const Candidate& candidate : candidates) {
    const std::string public_id = std::next(candidate.path.begin())->string();
    ROLLCALL_TRY_ASSIGN(const bool has_ended, HasEnded(public_id));
    if (has_ended) Remove(candidate, swept);
  }
  return {};
}

void Sweeper::Remove(const Candidate& candidate, Swept& swept) {
  constexpr std::size_t kExamplesMax = 5;
  const fs::path absolute = options_.data_dir / candidate.path;
  if (candidate.name.pid != 0 && IsProcess(candidate.name.pid)) return;
  // What the plain name shows stays, whatever the store says: it may be an older copy of itself.
  std::error_code failure;
  if (candidate.name.token != 0) {
    const fs::path plain = absolute.parent_path() / absolute.stem();
    const fs::path shown = fs::read_symlink(plain, failure);
    const bool is_no_link =
        failure == std::errc::no_such_file_or_directory || failure == std::errc::invalid_argument;
    if (failure && !is_no_link) return;  // It may show it.
    if (shown.filename() == absolute.filename()) return;
  }
  if (!IsOld(absolute)) return;  // It was touched since.
  failure.clear();
  fs::remove_all(absolute, failure);  // Removes links, never what they name.
  if (failure) {
    if (swept.kept_by_failure++ == 0) {
      swept.first_failure = candidate.path.string() + ": " + failure.message();
    }
    return;
  }
  ++swept.files;
  if (swept.examples.size() < kExamplesMax) swept.examples.push_back(candidate.path.string());
}

void Sweeper::Tell(const Swept& swept) {
  if (swept.files > 0) {
    std::string names;
    for (const std::string& name : swept.examples) names += (names.empty() ? "" : ", ") + name;
    const bool has_more = static_cast<std::size_t>(swept.files) > swept.examples.size();
    log_.Note(fmt::format("removed {} old files that nothing refers to: {}{}", swept.files, names,
                          has_more ? ", …" : ""));
  }
  if (swept.kept_by_failure > 0) {
    log_.Note(fmt::format("{} old files that nothing refers to cannot be removed, the first is {}",
                          swept.kept_by_failure, swept.first_failure));
  }
}

SweeperThread::SweeperThread(Sweeper sweeper, const base::HeldFolder& data_dir,
                             std::chrono::milliseconds period)
    : sweeper_(std::move(sweeper)),
      data_dir_(data_dir),
      period_(period),
      thread_([this] { Run(); }) {}

SweeperThread::~SweeperThread() {
  {
    base::MutexLock lock(mutex_);
    is_ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

bool SweeperThread::is_ending() {
  if (!data_dir_.IsInPlace()) return true;
  base::MutexLock lock(mutex_);
  return is_ending_;
}

void SweeperThread::Run() {
  while (!is_ending()) {
    // An error of the store is its users' matter; here it means: another time.
    static_cast<void>(sweeper_.Sweep([this] { return is_ending(); }));
    base::MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + period_;
    while (!is_ending_) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left.count() <= 0 || !changed_.WaitFor(mutex_, left)) break;
    }
  }
}

}  // namespace rollcall::housekeeping
