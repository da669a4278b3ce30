#include "store/testing/random_script.h"

#include <fmt/format.h>

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

RandomScript::RandomScript(JobStore& store, base::FakeClock& clock, std::uint32_t seed)
    : store_(&store), engine_(seed), clock_(clock) {}

int RandomScript::Below(int limit) {
  return static_cast<int>(engine_() % static_cast<unsigned>(limit));
}

const AgentIdentity& RandomScript::SomeAgent() { return agents_[Below(4) == 0 ? 1 : 0]; }

template <typename T>
void RandomScript::Note(std::string_view what, const base::Result<T>& result) {
  answers_.push_back(fmt::format("{} {}", what, result.ok() ? "ok" : result.error().ToString()));
}

void RandomScript::Step() {
  const int dice = Below(100);
  if (dice < 25) return Submit();
  if (dice < 45) return Claim();
  if (dice < 65) return Work();
  if (dice < 83) return End();
  if (dice < 90) return Cancel();
  Other();
}

void RandomScript::Submit() {
  const std::string key = fmt::format("x{}", Below(3));
  const int version = 1 + Below(2);
  JobRequest request = Below(6) == 0 ? MakeSeparate("hume", key)
                                     : MakeRequest(Below(2) == 0 ? "analyze" : "detect", key,
                                                   {"extract", "detect", "track"}, version);
  request.priority = Below(3);
  if (Below(2) == 0) request.stages.resize(std::min<std::size_t>(2, request.stages.size()));
  for (StageRequest& stage : request.stages) {
    const auto done = *store_->RunSucceeded(stage.work_key);
    if (done && stage.dedupe_key && Below(2) == 0) stage.reuse = done->id;
    stage.drops_segments = !stage.reuse && Below(8) == 0;
  }
  if (Below(4) == 0) request.idempotency_key = fmt::format("key {}", Below(4));
  const auto submission = store_->JobSubmit(request);
  Note("submit", submission);
  if (!submission.ok()) return;
  answers_.back() += fmt::format(" job {}{}", static_cast<std::int64_t>(submission->job.id),
                                 submission->is_existing ? ", existing" : "");
}

void RandomScript::Claim() {
  const auto task =
      store_->TaskClaim({.agent = SomeAgent(), .stages = {}, .lease = std::chrono::seconds{30}});
  Note("claim", task);
  if (task.ok() && *task) tasks_.push_back(**task);
}

void RandomScript::Work() {
  if (tasks_.empty()) return;
  const LeasedTask& task =
      tasks_[tasks_.size() - 1 -
             static_cast<std::size_t>(Below(std::min<int>(4, static_cast<int>(tasks_.size()))))];
  const std::vector beats{Heartbeat{
      .fence = task.fence, .liveness = {.pulse_seq = Below(100), .done = Below(100), .unit = "f"}}};
  switch (Below(5)) {
    case 0:
      return Note("start", store_->TaskStarted(task.fence, 1 + Below(9), 5));
    case 1:
      return Note("stall",
                  store_->LeaseMarkStalled(task.fence, Below(2) == 0 ? "no progress" : ""));
    case 2:
      return Note("renew", store_->LeaseRenew(SomeAgent(), beats, std::chrono::seconds{30}));
    default: {
      const auto count = std::ssize(store_->SegmentList(task.run.work_key).value());
      const auto number = Below(8) == 0 ? Below(5) : count;
      return Note("segment", store_->SegmentCommit(task.fence, MakeSegment(number)));
    }
  }
}

void RandomScript::End() {
  if (tasks_.empty()) return;
  const auto at = static_cast<std::ptrdiff_t>(Below(static_cast<int>(tasks_.size())));
  const LeasedTask task = tasks_[static_cast<std::size_t>(at)];
  if (Below(8) != 0) tasks_.erase(tasks_.begin() + at);
  if (Below(2) == 0) {
    const std::vector artifacts{MakeArtifact(task.run.name, task.fence.token)};
    return Note("succeed", store_->TaskSucceed(task.fence, "{}", artifacts, {}));
  }
  constexpr std::array kOutcomes{AttemptOutcome::kFailed,  AttemptOutcome::kInterrupted,
                                 AttemptOutcome::kCrashed, AttemptOutcome::kStalled,
                                 AttemptOutcome::kExpired, AttemptOutcome::kCancelled};
  AttemptEnd end = MakeEnd(kOutcomes[static_cast<std::size_t>(Below(kOutcomes.size()))]);
  if (Below(3) != 0) end.retry_in = std::chrono::seconds{Below(20)};
  Note("end", store_->TaskEnd(task.fence, end));
}

void RandomScript::Cancel() {
  const auto jobs = *store_->JobList();
  if (jobs.empty()) return;
  const auto at = static_cast<std::size_t>(Below(std::min(6, static_cast<int>(jobs.size()))));
  Note("cancel", store_->JobCancel(jobs[at].id));
}

void RandomScript::Other() {
  const std::string key = fmt::format("x{}", Below(3));
  const Subject subject{.kind = "episode", .id = key};
  EditAuthor author{.who = "anna"};
  if (Below(3) == 0) author.idempotency_key = fmt::format("k{}", Below(4));
  switch (Below(11)) {
    case 8: {
      const std::vector edits(static_cast<std::size_t>(Below(3)),
                              NewEdit{.kind = Below(3) == 0 ? "label" : "name"});
      return Note("edit", store_->EditsAppend(subject, author, edits));
    }
    case 9:
      return Note("undo", store_->EditUndo(subject, author, std::nullopt, "label"));
    case 10:
      return Note("redo", store_->EditRedo(subject, author, std::nullopt, "label"));
    case 0:
      return Note("pause", store_->QueuePause("detect", Below(3) == 0 ? "disk full" : ""));
    case 1:
      return Note("drop", store_->SegmentDrop(key + "/detect/1", Below(3)));
    case 2:
      return Note("put", store_->EpisodePut({.key = key, .fingerprint = "f"}));
    case 3:
      return Note("remove", store_->EpisodeRemove(key));
    case 4:
      return Note("replace", store_->EpisodeReplace({.key = key, .fingerprint = "g"}));
    case 5:
      return Note("erase", store_->SubjectErase({Below(2) == 0 ? "hume" : "episode", key}));
    case 6: {
      const AgentIdentity& agent = SomeAgent();
      const auto leftovers =
          *store_->LeaseLeftovers({.id = agent.id, .incarnation = "2", .boot_id = agent.boot_id});
      if (!leftovers.empty()) {
        Note("void", store_->LeaseVoid(leftovers.front().fence));
      }
      return;
    }
    default:
      clock_.Advance(std::chrono::seconds{Below(25)});
      return Note("reap", store_->LeaseReap());
  }
}

}  // namespace rollcall::store
