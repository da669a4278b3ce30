// The JSON files that people read, made of hostile names, counters, results and errors, and over a
// hostile meta.json that is there already. The input is fields, each ended by 0x1f, in the order of
// `Fields`. All files must be JSON in UTF-8, and nothing may be made outside the data directory.

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/held_folder.h"
#include "base/json.h"
#include "domain/episode_key.h"
#include "domain/reasons.h"
#include "episode/episode_kind.h"
#include "projection/live_board.h"
#include "projection/projector.h"
#include "projection/worker_log.h"
#include "store/memory/memory_store.h"
#include "vault/local/local_vault.h"

namespace {

namespace fs = std::filesystem;
namespace projection = rollcall::projection;
namespace subject = rollcall::subject;
namespace vault = rollcall::vault;
namespace store = rollcall::store;
namespace base = rollcall::base;
using rollcall::domain::Artifact;

struct Fields {
  std::string_view key;
  std::string_view display;
  std::string_view video;
  std::string_view unit;
  std::string_view counters;
  std::string_view result;
  std::string_view error;
  std::string_view name;      // Of an artefact.
  std::string_view path;      // Likewise.
  std::string_view old_meta;  // EPOCH in it stands for the store's.
};

std::string_view Cut(std::string_view& bytes) {
  const std::size_t end = std::min(bytes.find('\x1f'), bytes.size());
  const std::string_view field = bytes.substr(0, end);
  bytes.remove_prefix(std::min(bytes.size(), end + 1));
  return field;
}

Fields Split(std::string_view bytes) {
  Fields fields;
  for (std::string_view* field :
       {&fields.key, &fields.display, &fields.video, &fields.unit, &fields.counters, &fields.result,
        &fields.error, &fields.name, &fields.path, &fields.old_meta}) {
    *field = Cut(bytes);
  }
  return fields;
}

// On a disk in memory where there is one: a projection syncs many times.
const fs::path& Playground() {
  static const fs::path folder = [] {
    const fs::path shared = "/dev/shm";
    const bool is_usable = ::access(shared.c_str(), W_OK) == 0;
    const fs::path parent = is_usable ? shared : fs::temp_directory_path();
    return parent / ("rollcall-fuzz-" + std::to_string(::getpid()));
  }();
  return folder;
}

// An empty data directory, the same path each time.
base::HeldFolder NewDataDir() {
  fs::remove_all(Playground());
  fs::create_directories(Playground() / "data");
  return base::HeldFolder::Open(Playground() / "data").value();
}

class Stage {
 public:
  Stage(const Fields& fields, std::string key)
      : fields_(fields),
        key_(std::move(key)),
        folder_(NewDataDir()),
        data_dir_(folder_.path()),
        log_(data_dir_),
        vault_(folder_, clock_),
        projector_({.data_dir = folder_,
                    .store = store_,
                    .clock = clock_,
                    .board = board_,
                    .log = log_,
                    .kinds = kinds_,
                    .vault = vault_}) {}

  void Live() {
    WriteOldMeta();
    Begin();
    Project();
    Beat();
    Project();
    End();
    Project();
    CheckFiles();
  }

 private:
  void WriteOldMeta() {
    std::string meta(fields_.old_meta);
    if (const std::size_t at = meta.find("EPOCH"); at != std::string::npos) {
      meta.replace(at, 5, store_.StreamEpoch().value());
    }
    if (meta.empty()) return;
    fs::create_directories(data_dir_ / "jobs" / ("detect_" + key_));
    std::ofstream(data_dir_ / "jobs" / ("detect_" + key_) / "meta.json") << meta;
    was_hostile_ = true;
  }

  void Begin() {
    ROLLCALL_CHECK(store_
                       .EpisodePut({.key = key_,
                                    .display = std::string(fields_.display),
                                    .video_path = std::string(fields_.video),
                                    .fingerprint = "f",
                                    .created_at = clock_.Now().wall})
                       .ok());
    const store::JobRequest request{
        .subject = {"episode", key_},
        .kind = "detect",
        .request_json = "{}",
        .priority = 0,
        .stages = {
            {.name = "detect", .work_key = "w", .dedupe_key = "w", .needs = {}, .reuse = {}}}};
    ROLLCALL_CHECK(store_.JobSubmit(request).ok());
    auto task = store_.TaskClaim({.agent = {.id = "a", .incarnation = "1", .boot_id = "b"},
                                  .stages = {},
                                  .lease = std::chrono::minutes{1}});
    ROLLCALL_CHECK(task.ok() && *task);
    task_ = **task;
    ROLLCALL_CHECK(store_.TaskStarted(task_.fence, 1, 2).ok());
  }

  void Beat() {
    store::Liveness liveness{.done = 3,
                             .total = 4,
                             .unit = std::string(fields_.unit),
                             .counters_json = std::string(fields_.counters)};
    board_.Put({.run = task_.run.id,
                .fence = task_.fence,
                .attempt_number = 1,
                .pid = 1,
                .started_at = clock_.Now().wall,
                .liveness = liveness,
                .progress_wall = clock_.Now().wall,
                .time_left = {},
                .trouble = {},
                .is_over = false});
    log_.Line(task_.run, projection::DescribeProgress(liveness));
    // What is said of a segment is kept in an event.
    const rollcall::domain::Segment segment{.number = 0,
                                            .pts_from = {},
                                            .pts_to = {},
                                            .path = {},
                                            .size_bytes = 0,
                                            .sha256 = "s",
                                            .counters_json = std::string(fields_.counters),
                                            .resume_blob = {}};
    ROLLCALL_CHECK(store_.SegmentCommit(task_.fence, segment).ok());
  }

  void End() {
    board_.MarkOver(task_.run.id);
    if (!fields_.error.empty()) {
      store::AttemptEnd end;
      end.error = rollcall::domain::MakeError(rollcall::domain::reason::kInternal,
                                              std::string(fields_.error));
      ROLLCALL_CHECK(store_.TaskEnd(task_.fence, end).ok());
      return;
    }
    // An attempt's artefacts come this far only when these two are inside.
    std::vector<Artifact> artifacts;
    if (vault::IsInside(fields_.name) && vault::IsInside(fields_.path)) {
      artifacts.push_back({.name = std::string(fields_.name),
                           .path = std::string(fields_.path),
                           .size_bytes = 0,
                           .sha256 = std::string(fields_.path)});
    }
    ROLLCALL_CHECK(
        store_.TaskSucceed(task_.fence, std::string(fields_.result), artifacts, {}).ok());
  }

  // May fail (a name that is too long, a folder in the way of a file), not crash.
  void Project() {
    for (const auto mode :
         {projection::Projector::Mode::kWhatChanged, projection::Projector::Mode::kEverything}) {
      has_failed_ |= !projector_.ProjectStage({"episode", key_}, "detect", mode).ok();
    }
  }

  void CheckFiles() const {
    for (const auto& entry : fs::recursive_directory_iterator(data_dir_)) {
      if (entry.is_symlink()) {
        const fs::path to = entry.path().parent_path() / fs::read_symlink(entry.path());
        const fs::path relative = to.lexically_normal().lexically_relative(data_dir_);
        ROLLCALL_CHECK(relative.empty() || vault::IsInside(relative.string()));
        continue;
      }
      const bool is_projection =
          entry.path().extension() == ".json" || entry.path().filename() == ".lock";
      if (!is_projection || !entry.is_regular_file()) continue;
      const auto text = base::ReadFile(entry.path());
      ROLLCALL_CHECK(text.ok());
      const bool may_be_old = was_hostile_ && (has_failed_ || *text == fields_.old_meta);
      ROLLCALL_CHECK(may_be_old || base::Json::accept(*text));
    }
    for (const auto& entry : fs::directory_iterator(Playground())) {
      ROLLCALL_CHECK(entry.path() == data_dir_);
    }
  }

  const Fields fields_;
  const std::string key_;
  const base::HeldFolder folder_;
  const fs::path data_dir_;
  base::FakeClock clock_;
  store::MemoryStore store_{{clock_}};
  projection::LiveBoard board_;
  projection::WorkerLog log_;
  const subject::StageTable stages_{
      {{.name = "detect",
        .title = "Detect",
        .needs = {},
        .handler = [](const subject::HandlerOptions&) { return nullptr; },
        .flag = "detected"}}};
  const subject::SubjectKinds kinds_ =
      subject::SubjectKinds::Create({rollcall::episode::EpisodeKind(stages_)}).value();
  vault::LocalVault vault_;
  projection::Projector projector_;
  store::LeasedTask task_;
  bool was_hostile_ = false;
  bool has_failed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Fields fields = Split({reinterpret_cast<const char*>(data), size});
  const auto key = rollcall::domain::EpisodeKey::Parse(fields.key);
  Stage(fields, key.ok() ? key->text() : "x_s01_e01").Live();
  return 0;
}
