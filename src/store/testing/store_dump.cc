#include "store/testing/store_dump.h"

#include <set>

#include "base/file.h"
#include "store/run_changes.h"

namespace rollcall::store {

using base::Json;

namespace {

Json Time(const std::optional<base::WallTime>& time) {
  return time ? Json(base::IsoTime(*time)) : Json();
}

Json Describe(const Lease& lease) {
  const Liveness& live = lease.liveness;
  return {{"task", static_cast<std::int64_t>(lease.fence.task)},
          {"token", lease.fence.token},
          {"agent", lease.agent.id},
          {"incarnation", lease.agent.incarnation},
          {"boot", lease.agent.boot_id},
          {"pid", lease.pid},
          {"pid_start", lease.pid_start},
          {"expires", {lease.expires.boot_id, lease.expires.at.count()}},
          {"number", lease.attempt_number},
          {"started_at", Time(lease.started_at)},
          {"pulse_seq", live.pulse_seq},
          {"last_pulse", live.last_pulse.count()},
          {"phase", domain::PhaseName(live.phase)},
          {"phase_since", live.phase_since.count()},
          {"done", live.done},
          {"total", live.total},
          {"unit", live.unit},
          {"rate", live.rate},
          {"realtime_factor", live.realtime_factor},
          {"progress_at", live.progress_at.count()},
          {"counters", live.counters_json},
          {"is_stalled", live.is_stalled}};
}

Json Describe(const StageRun& run) {
  Json text{{"id", static_cast<std::int64_t>(run.id)},
            {"subject", run.subject.kind + ":" + run.subject.id},
            {"name", run.name},
            {"generation", run.generation},
            {"work_key", run.work_key},
            {"dedupe_key", run.dedupe_key ? Json(*run.dedupe_key) : Json()},
            {"params", run.params_json},
            {"state", domain::JobStateName(run.state)},
            {"is_cancel_wanted", run.is_cancel_wanted},
            {"priority", run.priority},
            {"failures", run.failures},
            {"crashes", run.crashes},
            {"interruptions", run.interruptions},
            {"interruptions_in_row", run.interruptions_in_row},
            {"fruitless_ms", run.fruitless.count()},
            {"run_at", Time(run.run_at)},
            {"wait_reason", run.wait_reason},
            {"result", run.result_json},
            {"created_at", Time(run.created_at)},
            {"started_at", Time(run.started_at)},
            {"finished_at", Time(run.finished_at)},
            {"change", run.change}};
  if (run.retry_due) text["retry_due"] = {run.retry_due->boot_id, run.retry_due->at.count()};
  if (run.last_error) {
    text["error"] = ErrorJson(*run.last_error);
    text["error"]["code"] = base::ErrorCodeName(run.last_error->code);
  }
  return text;
}

Json DumpRun(JobStore& store, const RunView& view) {
  Json text = Describe(view.run);
  if (view.lease) text["lease"] = Describe(*view.lease);
  const auto attempts = *store.AttemptList(view.run.id);
  for (const Attempt& attempt : attempts) {
    text["attempts"].push_back(
        {{"token", attempt.fence.token},
         {"number", attempt.number},
         {"agent", attempt.agent_id},
         {"pid", attempt.pid},
         {"started_at", Time(attempt.started_at)},
         {"ended_at", Time(attempt.ended_at)},
         {"outcome", attempt.outcome ? AttemptOutcomeName(*attempt.outcome) : ""},
         {"error", attempt.error_reason},
         {"exit", attempt.exit},
         {"rss", attempt.rss_peak_bytes}});
  }
  const auto artifacts = *store.ArtifactList(view.run.id);
  for (const domain::Artifact& artifact : artifacts) {
    text["artifacts"].push_back(
        {artifact.name, artifact.path, artifact.size_bytes, artifact.sha256, artifact.count});
  }
  const auto jobs = *store.RunJobs(view.run.id);
  for (const Job& job : jobs) text["jobs"].push_back(static_cast<std::int64_t>(job.id));
  return text;
}

Json DumpJob(JobStore& store, const Job& job) {
  Json text{{"id", static_cast<std::int64_t>(job.id)},
            {"public_id", job.job_name()},
            {"subject_kind", job.subject.kind},
            {"request", job.request_json},
            {"priority", job.priority},
            {"created_at", Time(job.created_at)},
            {"state", domain::JobStateName(job.state)},
            {"finished_at", Time(job.finished_at)},
            {"event_seq", job.event_seq}};
  const auto views = *store.JobRuns(job.id);
  for (const RunView& view : views) {
    text["runs"].push_back({static_cast<std::int64_t>(view.run.id), view.is_reused, view.is_left});
  }
  const auto events = *store.EventsAfter(job.id, 0, 1'000'000);
  for (const Event& event : events) {
    text["events"].push_back({event.seq, Time(event.at), event.kind, event.body_json});
  }
  return text;
}

}  // namespace

Json DumpStore(JobStore& store) {
  Json text;
  const auto episodes = *store.EpisodeList();
  for (const Episode& episode : episodes) {
    text["episodes"].push_back({episode.key, episode.display, episode.video_path,
                                episode.fingerprint, Time(episode.created_at)});
  }
  for (const char* id : {"x", "x0", "x1", "x2"}) {
    const auto edits = *store.EditList({.kind = "episode", .id = id});
    for (const Edit& edit : edits) {
      text["edits"][id].push_back({edit.sequence, Time(edit.at), edit.who, edit.kind,
                                   edit.body_json,
                                   edit.undone_by ? Json(*edit.undone_by) : Json()});
    }
  }
  const auto jobs = *store.JobList();
  for (const Job& job : jobs) text["jobs"].push_back(DumpJob(store, job));
  const auto views = *store.RunsChangedSince(0, 1'000'000);
  std::set<std::string> work_keys;
  for (const RunView& view : views) {
    text["runs"].push_back(DumpRun(store, view));
    work_keys.insert(view.run.work_key);
  }
  for (const std::string& work_key : work_keys) {
    const auto segments = *store.SegmentList(work_key);
    for (const domain::Segment& segment : segments) {
      text["segments"][work_key].push_back(
          {segment.number, segment.pts_from.count(), segment.pts_to.count(), segment.path,
           segment.size_bytes, segment.sha256, segment.counters_json,
           base::Sha256(segment.resume_blob)});
    }
  }
  const auto next_retry = *store.NextRetry();
  text["next_retry_ns"] = next_retry ? Json(next_retry->count()) : Json();
  return text;
}

}  // namespace rollcall::store
