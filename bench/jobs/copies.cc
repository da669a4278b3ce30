#include "copies.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "jobs/attempt_files.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/database.h"
#include "vault/local/local_vault.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr std::string_view kStage = "detect";

// A row names only rows of tables before its own.
constexpr std::array kTables{"episode", "job",     "stage_run", "job_stage", "task",
                             "attempt", "segment", "artifact",  "event"};

std::string PublicId(int number) { return fmt::format("{}_{}", kStage, Place::Key(number)); }

void Replace(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// What tells a copy from the first episode, whose number is 0.
class Renaming {
 public:
  // What the whole first episode took of the counters that never go back, and where its run
  // stands between the changes.
  struct Strides {
    std::int64_t changes = 0;
    std::int64_t tokens = 0;
    std::int64_t run_change = 0;
  };
  explicit Renaming(const Strides& strides) : strides_(strides) {}

  std::string Text(std::string text, int number) const {
    const std::int64_t token = 1 + number * strides_.tokens;
    Replace(text, Place::Key(0), Place::Key(number));
    Replace(text, ".t1.", fmt::format(".t{}.", token));
    Replace(text, ".g1", fmt::format(".g{}", token));
    Replace(text, fmt::format("\"seq\": {},", strides_.run_change),
            fmt::format("\"seq\": {},", strides_.run_change + number * strides_.changes));
    return text;
  }

  // The SQL that makes a copy's value of a column of the first, for the row `copy` of names.
  std::string Sql(const std::string& column, const std::string& type) const {
    static const std::set<std::string> kIds{"id", "job_id", "stage_run_id", "task_id"};
    static const std::set<std::string> kHashes{"work_key", "dedupe_key", "attempt_uuid"};
    const std::string value = "original." + column;
    if (column == "change") return fmt::format("{} + copy.number * {}", value, strides_.changes);
    if (column == "token") return fmt::format("{} + copy.number * {}", value, strides_.tokens);
    if (kIds.contains(column)) return value + " + copy.number";
    if (kHashes.contains(column)) return fmt::format("copy.mark || substr({}, 9)", value);
    if (type != "TEXT") return value;
    const std::string renamed = fmt::format(
        "replace(replace(replace({}, '{}', copy.key), '.t1.', '.t' || copy.token || '.'), "
        "'.g1', '.g' || copy.token)",
        value, Place::Key(0));
    if (column != "body_json") return renamed;
    return fmt::format("json_replace({}, '$.run', copy.number + 1, '$.token', copy.token)",
                       renamed);
  }

  const Strides& strides() const { return strides_; }

 private:
  const Strides strides_;
};

void Run(store::Database& database, const std::string& sql) {
  const auto done = database.Execute(sql);
  ROLLCALL_CHECK(done.ok(), done.error().ToString());
}

std::int64_t Number(store::Database& database, std::string_view sql) {
  auto statement = database.Query(sql);
  ROLLCALL_CHECK(statement.ok() && *statement->Step(), sql);
  return statement->Int64(0);
}

// The first episode, as the product makes one.
void MakeFirst(Place& place) {
  const auto engine =
      jobs::Engine::Create(jobs::FakeEngineOptions(place.folder()), place.store(), place.clock());
  ROLLCALL_CHECK(engine.ok() && (*engine)->StartWorking().ok());
  const store::Job job = place.Submit(0);
  const auto ended = (*engine)->Wait(job.id, std::chrono::minutes{1});
  ROLLCALL_CHECK(ended.ok() && ended->state == domain::JobState::kSucceeded);
  ROLLCALL_CHECK((*engine)->Settle(job.id, std::chrono::minutes{1}).ok());
  (*engine)->Drain();
}

Renaming RenamingOf(store::Database& database) {
  for (const char* table : {"episode", "job", "stage_run", "task", "attempt"}) {
    ROLLCALL_CHECK(Number(database, fmt::format("SELECT count(*) FROM {}", table)) == 1, table);
  }
  const auto counter = [&](const char* name) {
    return Number(database, fmt::format("SELECT value FROM counter WHERE name = '{}'", name));
  };
  ROLLCALL_CHECK(counter("token") == 1);
  return Renaming({.changes = counter("change"),
                   .tokens = counter("token"),
                   .run_change = Number(database, "SELECT change FROM stage_run")});
}

void CopyTable(store::Database& database, const Renaming& renaming, const std::string& table) {
  std::string columns;
  std::string values;
  auto column = database.Query("SELECT name, type FROM pragma_table_info(?1)", table);
  ROLLCALL_CHECK(column.ok());
  while (*column->Step()) {
    const std::string name = column->Text(0);
    columns += (columns.empty() ? "" : ", ") + name;
    values += (values.empty() ? "" : ", ") + renaming.Sql(name, column->Text(1));
  }
  Run(database, fmt::format("CREATE TEMP TABLE first_{0} AS SELECT * FROM {0}", table));
  Run(database,
      fmt::format("INSERT INTO {0} ({1}) SELECT {2} FROM copy CROSS JOIN first_{0} AS original",
                  table, columns, values));
}

void CopyRows(store::Database& database, const Renaming& renaming, int episodes) {
  // Work keys are hashes: a copy's begins with a number that is spread and yet met only once.
  Run(database,
      fmt::format("CREATE TEMP TABLE copy AS WITH RECURSIVE counted (number) AS (VALUES (1) "
                  "UNION ALL SELECT number + 1 FROM counted WHERE number + 1 < {0}) "
                  "SELECT number, printf('episode_%06d', number) AS key, "
                  "1 + number * {1} AS token, "
                  "printf('%08x', number * 2654435761 % 4294967296) AS mark FROM counted",
                  episodes, renaming.strides().tokens));
  Run(database, "BEGIN");
  for (const char* table : kTables) CopyTable(database, renaming, table);
  Run(database, fmt::format("UPDATE counter SET value = value * {}", episodes));
  Run(database, "COMMIT");
}

Renaming CopyAllRows(const fs::path& folder, int episodes) {
  const auto opened = store::Database::Open({.path = folder / "rollcall.db", .vfs = {}});
  ROLLCALL_CHECK(opened.ok(), opened.error().ToString());
  store::Database& database = **opened;
  Run(database, "PRAGMA journal_mode = OFF");
  Run(database, "PRAGMA synchronous = OFF");
  Run(database, "PRAGMA cache_size = -500000");
  Renaming renaming = RenamingOf(database);
  CopyRows(database, renaming, episodes);
  return renaming;
}

// What the first episode has in the data directory, folders before what is in them.
struct Entry {
  enum class Kind { kFolder, kLink, kText, kBytes };
  Kind kind{};
  std::string path;     // Relative to the data directory.
  std::string content;  // Of a text that names the episode, or where a link leads.
};

std::vector<Entry> EntriesOf(const fs::path& folder) {
  std::vector<Entry> entries;
  for (const std::string& root :
       {"jobs/" + PublicId(0), "episodes/" + Place::Key(0), "harvest/" + Place::Key(0)}) {
    ROLLCALL_CHECK(fs::is_directory(folder / root), root);
    entries.push_back({Entry::Kind::kFolder, root, {}});
    for (const auto& at : fs::recursive_directory_iterator(folder / root)) {
      const std::string path = at.path().lexically_relative(folder).string();
      if (at.is_symlink()) {
        entries.push_back({Entry::Kind::kLink, path, fs::read_symlink(at.path()).string()});
      } else if (at.is_directory()) {
        entries.push_back({Entry::Kind::kFolder, path, {}});
      } else {
        std::string text = base::ReadFile(at.path()).value();
        const bool is_own = text.find(Place::Key(0)) != std::string::npos;
        entries.push_back({is_own ? Entry::Kind::kText : Entry::Kind::kBytes, path, text});
      }
    }
  }
  return entries;
}

void WriteNew(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  ROLLCALL_CHECK(file >= 0 && ::write(file, text.data(), text.size()) == std::ssize(text), path);
  ::close(file);
}

void MakeOld(const std::string& path) {
  constexpr std::time_t kTwoDays = 172'800;
  struct timespec times[2] = {{.tv_sec = ::time(nullptr) - kTwoDays, .tv_nsec = 0}, {}};
  times[1] = times[0];
  ROLLCALL_CHECK(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0, path);
}

// Under another name the same file, until it has as many as a file system allows.
void Share(std::string& from, const std::string& path, const std::string& bytes) {
  if (::link(from.c_str(), path.c_str()) == 0) return;
  ROLLCALL_CHECK(errno == EMLINK, path);
  WriteNew(path, bytes);
  MakeOld(path);
  from = path;
}

void CopyFiles(const fs::path& folder, const Renaming& renaming, int episodes) {
  const std::vector<Entry> entries = EntriesOf(folder);
  std::vector<std::string> sources;
  for (const Entry& entry : entries) {
    sources.push_back((folder / entry.path).string());
    if (entry.kind == Entry::Kind::kBytes) MakeOld(sources.back());
  }
  const std::string root = folder.string() + "/";
  for (int number = 1; number < episodes; ++number) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Entry& entry = entries[i];
      const std::string path = root + renaming.Text(entry.path, number);
      switch (entry.kind) {
        case Entry::Kind::kFolder:
          ROLLCALL_CHECK(::mkdir(path.c_str(), 0755) == 0, path);
          break;
        case Entry::Kind::kLink: {
          const std::string to = renaming.Text(entry.content, number);
          ROLLCALL_CHECK(::symlink(to.c_str(), path.c_str()) == 0, path);
          break;
        }
        case Entry::Kind::kText:
          WriteNew(path, renaming.Text(entry.content, number));
          break;
        case Entry::Kind::kBytes:
          Share(sources[i], path, entry.content);
          break;
      }
    }
  }
}

// To where the projector stands when it has projected all of them.
void MoveCursor(const fs::path& folder, const Renaming& renaming, int episodes) {
  const fs::path path = folder / "jobs" / ".projected.json";
  Json cursor = base::ParseJson(base::ReadFile(path).value(), "cursor").value();
  ROLLCALL_CHECK(cursor["change"] == renaming.strides().run_change);
  cursor["change"] = renaming.strides().run_change + (episodes - 1) * renaming.strides().changes;
  ROLLCALL_CHECK(base::WriteFileAtomic(path, cursor.dump() + "\n").ok());
}

// What the store's interface shows of an episode, without what copies must not share.
Json Describe(Place& place, int number) {
  store::JobStore& store = place.store();
  const store::Job job = store.JobFind(PublicId(number)).value();
  const store::RunView view = store.JobRuns(job.id).value().at(0);
  Json shown{{"video", store.EpisodeGet(Place::Key(number)).value().video_path},
             {"job", {job.request_json, domain::JobStateName(job.state), job.event_seq}},
             {"run", {view.run.name, view.run.generation, domain::JobStateName(view.run.state)}},
             {"result", view.run.result_json},
             {"has_lease", view.lease.has_value()}};
  const auto attempts = store.AttemptList(view.run.id).value();
  for (const auto& attempt : attempts) shown["attempts"].push_back({attempt.number, attempt.exit});
  const auto artifacts = store.ArtifactList(view.run.id).value();
  for (const auto& artifact : artifacts) shown["artifacts"].push_back(artifact.path);
  const auto segments = store.SegmentList(view.run.work_key).value();
  for (const auto& segment : segments) {
    shown["segments"].push_back({segment.number, segment.pts_from.count(), segment.path});
  }
  const auto events = store.EventsAfter(job.id, 0, 1'000).value();
  for (const auto& event : events) {
    Json body = base::ParseJson(event.body_json, "event").value();
    if (body.contains("run")) ROLLCALL_CHECK(body["run"] == static_cast<int>(view.run.id));
    body.erase("run");
    body.erase("token");
    shown["events"].push_back({event.seq, event.kind, body});
  }
  ROLLCALL_CHECK(store.RunSucceeded(view.run.work_key).value()->id == view.run.id);
  const auto folder = base::HeldFolder::Open(place.folder());
  vault::LocalVault vault(*folder, place.clock());
  ROLLCALL_CHECK(jobs::CheckArtifacts(vault, artifacts, vault::Depth::kBytes).ok());
  ROLLCALL_CHECK(jobs::CountIntactSegments(vault, segments).count == std::size_t{kSegmentsEach});
  return shown;
}

void CheckCopies(Place& place, const Renaming& renaming, int episodes) {
  const auto intact = place.store().IntegrityCheck();
  ROLLCALL_CHECK(intact.ok(), intact.error().ToString());
  ROLLCALL_CHECK(std::ssize(place.store().JobList().value()) == episodes);
  const std::string first = Describe(place, 0).dump();
  for (const int number : {1, episodes / 2, episodes - 1}) {
    const std::string copy = Describe(place, number).dump();
    ROLLCALL_CHECK(copy == renaming.Text(first, number), copy);
  }
}

}  // namespace

void FillWithCopies(Place& place, int episodes) {
  ROLLCALL_CHECK(episodes > 1 && episodes < 1'000'000);  // Keys have six digits.
  MakeFirst(place);
  place.Close();
  const Renaming renaming = CopyAllRows(place.folder(), episodes);
  CopyFiles(place.folder(), renaming, episodes);
  MoveCursor(place.folder(), renaming, episodes);
  place.Open();
  CheckCopies(place, renaming, episodes);
  place.Close();
  ::sync();
}

}  // namespace rollcall::bench
