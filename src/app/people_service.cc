#include "app/people_service.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "api/params.h"
#include "base/path_text.h"
#include "domain/job_state.h"
#include "domain/reasons.h"
#include "episode/episode_kind.h"
#include "episode/people/edit_builder.h"
#include "episode/people/people_views.h"

namespace rollcall::app {
namespace {

using base::Json;
using base::Result;
namespace reason = domain::reason;

constexpr std::size_t kEditsMax = 200;
constexpr std::chrono::milliseconds kBetweenTries{300};
constexpr int kFailuresMax = 100;  // Half a minute; then the next edit or engine tries again.

store::Subject SubjectOf(const std::string& key) {
  return {.kind = std::string(episode::kKind), .id = key};
}

base::Error BadEdits(std::string why) {
  return domain::MakeError(reason::kBadEdit, std::move(why));
}

// The edits of a request, one by one.
Result<std::vector<Json>> EditsIn(const Json& body) {
  if (!body.contains("edits")) return std::vector<Json>{body};
  for (const auto& [name, value] : body.items()) {
    if (name != "edits" && name != "who") return BadEdits("beside \"edits\" stands only \"who\"");
  }
  const Json& edits = body.at("edits");
  if (!edits.is_array() || edits.empty() || edits.size() > kEditsMax) {
    return BadEdits("\"edits\" has to be a list of 1 to " + std::to_string(kEditsMax));
  }
  return std::vector<Json>(edits.begin(), edits.end());
}

Result<store::EditAuthor> AuthorOf(const Json& body, std::optional<std::string> key,
                                   std::string asked) {
  ROLLCALL_TRY_ASSIGN(const std::string who, api::TextParam(body, "who", "somebody"));
  ROLLCALL_TRY(episode::CheckPersonName(who));
  return store::EditAuthor{
      .who = who, .idempotency_key = std::move(key), .asked = std::move(asked)};
}

Json Written(const std::string& key, const std::vector<store::Edit>& lines) {
  return episode::HistoryJson(key, lines);
}

}  // namespace

PeopleService::PeopleService(Parts parts) : parts_(std::move(parts)) {
  thread_ = std::thread([this] { Run(); });
}

PeopleService::~PeopleService() {
  {
    const base::MutexLock lock(mutex_);
    is_ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

Result<std::shared_ptr<const episode::PeopleSnapshot>> PeopleService::Labelled(
    const std::string& key) {
  ROLLCALL_TRY_ASSIGN(auto snapshot, parts_.queries.people().Read(key));
  const auto labels = episode::EditBuilder::Labels(*snapshot);
  if (labels.empty()) return snapshot;
  ROLLCALL_TRY(parts_.store.EditsAppend(SubjectOf(key), {.who = "rollcall"}, labels));
  return parts_.queries.people().Read(key);
}

Result<bool> PeopleService::GiveLabels(const std::string& key) {
  const base::MutexLock lock(edit_mutex_);
  const auto before = parts_.queries.people().Read(key);
  if (!before.ok() && before.error().reason == reason::kNotAnalysed) return false;
  if (!before.ok()) return before.error();
  ROLLCALL_TRY_ASSIGN(const auto after, Labelled(key));
  return after->log.size() != (*before)->log.size();
}

Result<Json> PeopleService::Edit(const std::string& key, const Json& body,
                                 std::optional<std::string> idempotency_key) {
  ROLLCALL_TRY_ASSIGN(const auto edits, EditsIn(body));
  ROLLCALL_TRY_ASSIGN(const auto author, AuthorOf(body, std::move(idempotency_key), body.dump()));
  std::vector<store::Edit> lines;
  {
    const base::MutexLock lock(edit_mutex_);
    ROLLCALL_TRY_ASSIGN(lines, parts_.store.EditsOfKey(SubjectOf(key), author));
    if (lines.empty()) {
      ROLLCALL_TRY_ASSIGN(const auto snapshot, Labelled(key));
      episode::EditBuilder builder(*snapshot);
      for (const Json& edit : edits) ROLLCALL_TRY(builder.Add(edit));
      ROLLCALL_TRY_ASSIGN(lines, parts_.store.EditsAppend(SubjectOf(key), author, builder.Take()));
    }
  }
  Follow(key);
  return Written(key, lines);
}

Result<Json> PeopleService::Take(const std::string& key, Step step, const Json& body,
                                 std::optional<std::string> idempotency_key) {
  for (const auto& [name, value] : body.items()) {
    if (name != "sequence" && name != "who")
      return BadEdits("\"sequence\" and \"who\" can be said");
  }
  ROLLCALL_TRY_ASSIGN(const std::int64_t number, api::IntegerParam(body, "sequence", 0));
  if (body.contains("sequence") && number < 1)
    return BadEdits("\"sequence\" is a number from 1 on");
  const std::optional<std::int64_t> sequence =
      body.contains("sequence") ? std::optional(number) : std::nullopt;
  const bool is_undo = step == Step::kUndo;
  ROLLCALL_TRY_ASSIGN(const auto author, AuthorOf(body, std::move(idempotency_key),
                                                  (is_undo ? "undo " : "redo ") + body.dump()));
  std::vector<store::Edit> lines;
  {
    const base::MutexLock lock(edit_mutex_);
    ROLLCALL_TRY_ASSIGN(
        lines.emplace_back(),
        is_undo ? parts_.store.EditUndo(SubjectOf(key), author, sequence, episode::kLabelKind)
                : parts_.store.EditRedo(SubjectOf(key), author, sequence, episode::kLabelKind));
  }
  Follow(key);
  return Written(key, lines);
}

// --- The files

void PeopleService::Follow(const std::string& key) {
  const auto again = FollowNow(key);
  if (again.ok() && !*again) return;
  if (!again.ok()) {
    parts_.say("the files of " + key + " do not follow its edits yet: " + again.error().message);
  }
  const base::MutexLock lock(mutex_);
  waiting_[key] = 0;
  changed_.NotifyAll();
}

bool PeopleService::is_following() {
  const base::MutexLock lock(mutex_);
  return !waiting_.empty();
}

Result<void> PeopleService::FollowAll() {
  ROLLCALL_TRY_ASSIGN(const auto subjects, parts_.store.EditSubjects());
  const base::MutexLock lock(mutex_);
  for (const store::Subject& subject : subjects) {
    if (subject.kind == episode::kKind) waiting_[subject.id] = 0;
  }
  changed_.NotifyAll();
  return {};
}

void PeopleService::Run() {
  while (true) {
    std::map<std::string, int> keys;
    {
      base::MutexLock lock(mutex_);
      while (waiting_.empty() && !is_ending_) changed_.Wait(mutex_);
      if (!is_ending_) changed_.WaitFor(mutex_, kBetweenTries);
      if (is_ending_) return;
      keys = waiting_;
    }
    for (const auto& [key, failures] : keys) {
      const auto again = FollowNow(key);
      const base::MutexLock lock(mutex_);
      if (is_ending_) return;
      const bool is_given_up = !again.ok() && failures + 1 == kFailuresMax;
      if (is_given_up) {
        parts_.say("the files of " + key + " do not follow its edits: " + again.error().message);
      }
      if (is_given_up || (again.ok() && !*again)) waiting_.erase(key);
      if (!is_given_up && !again.ok()) waiting_[key] = failures + 1;
    }
  }
}

Result<episode::EpisodePlan> PeopleService::PlanAnalytics(const episode::PeopleSnapshot& snapshot) {
  const Json params = base::ObjectFrom(snapshot.analytics.params_json);
  episode::StartRequest request;
  request.kind = "analytics";
  request.episode = snapshot.key;
  request.effort = params.value("effort", request.effort);
  request.model_pack = base::PathFromText(params.value("model_pack_path", ""));
  request.provider = params.value("provider", request.provider);
  // One of its own: whoever starts something uses the other, maybe for long.
  episode::EpisodePlanner planner = parts_.planner;
  return planner.Plan(request, [this](const std::string& work_key) {
    return parts_.engine.FindReusable(work_key);
  });
}

Result<bool> PeopleService::FollowNow(const std::string& key) {
  const base::MutexLock lock(follow_mutex_);
  const auto read = parts_.queries.people().Read(key);
  if (!read.ok() && (read.error().reason == reason::kNotAnalysed ||
                     read.error().reason == reason::kArtifactCorrupt)) {
    return false;  // Whoever analyses it again has the edits in it.
  }
  if (!read.ok()) return read.error();
  const episode::PeopleSnapshot& snapshot = **read;
  if (snapshot.files_are_current) return false;
  ROLLCALL_TRY_ASSIGN(const auto latest, parts_.store.RunLatest(SubjectOf(key), "analytics"));
  if (latest && !domain::IsTerminal(latest->run.state)) return true;
  const Json tried = latest ? base::ObjectFrom(latest->run.params_json) : Json::object();
  const bool has_failed = latest && latest->run.state != domain::JobState::kSucceeded &&
                          tried.value("edits_digest", "") == snapshot.standing.digest;
  if (has_failed) return false;  // It says why; whoever wishes tries it again.
  ROLLCALL_TRY_ASSIGN(episode::EpisodePlan plan, PlanAnalytics(snapshot));
  const bool is_small =
      std::ranges::all_of(plan.request.stages, [](const store::StageRequest& stage) {
        return stage.reuse.has_value() || stage.name == "analytics";
      });
  if (!is_small) {
    parts_.say("the files of " + key +
               " do not follow its edits: it would have to be analysed again for that");
    return false;
  }
  ROLLCALL_TRY(parts_.engine.Submit(std::move(plan.request)));
  ROLLCALL_TRY(parts_.begin_to_work());
  return false;
}

}  // namespace rollcall::app
