#include "store/audit.h"

#include <fmt/format.h>

#include <limits>
#include <set>

#include "domain/reasons.h"
#include "store/transitions.h"

namespace rollcall::store {

using base::Result;
using domain::JobState;

namespace {

constexpr int kAll = std::numeric_limits<int>::max();

base::Error Damaged(std::string message) {
  return domain::MakeError(domain::reason::kStoreDamaged, std::move(message));
}

bool IsEnd(const Event& event) {
  return event.kind == "job_succeeded" || event.kind == "job_failed" ||
         event.kind == "job_cancelled";
}

Result<void> AuditEvents(Ledger& ledger, const Job& job) {
  ROLLCALL_TRY_ASSIGN(const auto events, ledger.Events(job.id, 0, kAll));
  std::int64_t seq = 0;
  int ends = 0;
  for (const Event& event : events) {
    if (event.seq != ++seq) {
      return Damaged(fmt::format("event {} of {} is missing", seq, job.job_name()));
    }
    if (IsEnd(event)) ++ends;
  }
  if (seq != job.event_seq) {
    return Damaged(
        fmt::format("{} has {} events and counts {}", job.job_name(), seq, job.event_seq));
  }
  const bool is_ended = domain::IsTerminal(job.state);
  const bool is_told = ends == 1 && events.back().kind == (is_ended ? JobEndEvent(job.state) : "");
  if (is_ended ? !is_told : ends != 0) {
    return Damaged(fmt::format("{} is {} and told its end {} times", job.job_name(),
                               domain::JobStateName(job.state), ends));
  }
  return {};
}

Result<void> AuditJob(Ledger& ledger, const Job& job) {
  ROLLCALL_TRY_ASSIGN(const auto links, ledger.JobStages(job.id));
  if (links.empty()) return Damaged(fmt::format("{} has no stages", job.job_name()));
  std::vector<JobState> states;
  for (const JobStage& link : links) {
    ROLLCALL_TRY_ASSIGN(const auto run, ledger.RunRead(link.run));
    if (!run) return Damaged(fmt::format("{} names a run that is gone", job.job_name()));
    states.push_back(link.is_left     ? JobState::kCancelled
                     : link.is_reused ? JobState::kSucceeded
                                      : run->state);
  }
  if (StateOfJob(states) != job.state) {
    return Damaged(fmt::format("{} is {}, its stages say {}", job.job_name(),
                               domain::JobStateName(job.state),
                               domain::JobStateName(StateOfJob(states))));
  }
  return AuditEvents(ledger, job);
}

Result<bool> IsWanted(Ledger& ledger, StageRunId id) {
  ROLLCALL_TRY_ASSIGN(const auto links, ledger.RunJobStages(id));
  for (const JobStage& link : links) {
    if (link.is_left || link.is_reused) continue;
    ROLLCALL_TRY_ASSIGN(const auto job, ledger.JobRead(link.job));
    if (job && !domain::IsTerminal(job->state)) return true;
  }
  return false;
}

Result<void> AuditRun(Ledger& ledger, const StageRun& run) {
  ROLLCALL_TRY_ASSIGN(const auto lease, ledger.LeaseOfRun(run.id));
  if (lease.has_value() != HasAttempt(run.state)) {
    return Damaged(fmt::format("{} is {} {} a lease", run.job_name(),
                               domain::JobStateName(run.state), lease ? "with" : "without"));
  }
  const bool waits = !domain::IsTerminal(run.state) && !HasAttempt(run.state);
  if (waits && run.wait_reason.empty()) {
    return Damaged(fmt::format("{} waits and does not say why", run.job_name()));
  }
  // What is being ended needs nobody: its job may have been planned anew.
  if (!domain::IsTerminal(run.state) && run.state != domain::JobState::kCancelling) {
    ROLLCALL_TRY_ASSIGN(const bool is_wanted, IsWanted(ledger, run.id));
    if (!is_wanted) return Damaged(fmt::format("no open job wants {}", run.job_name()));
  }
  ROLLCALL_TRY_ASSIGN(const auto segments, ledger.Segments(run.work_key));
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].number != static_cast<std::int64_t>(i)) {
      return Damaged(fmt::format("segment {} of {} is missing", i, run.job_name()));
    }
  }
  return {};
}

Result<void> AuditEdits(Ledger& ledger, const Subject& subject) {
  ROLLCALL_TRY_ASSIGN(const auto edits, ledger.Edits(subject));
  std::int64_t sequence = 0;
  for (const Edit& edit : edits) {
    if (edit.sequence != ++sequence) {
      return Damaged(fmt::format("edit {} of {} is missing", sequence, subject.id));
    }
  }
  for (const Edit& edit : edits) {
    if (!edit.undone_by) continue;
    const bool is_later = *edit.undone_by > edit.sequence && *edit.undone_by <= sequence;
    if (!is_later || edits[static_cast<std::size_t>(*edit.undone_by - 1)].kind != kUndoKind) {
      return Damaged(fmt::format("edit {} of {} is undone by a line that undoes nothing",
                                 edit.sequence, subject.id));
    }
  }
  return {};
}

}  // namespace

Result<void> Audit(Ledger& ledger) {
  ROLLCALL_TRY_ASSIGN(const auto subjects, ledger.EditSubjects());
  for (const Subject& subject : subjects) ROLLCALL_TRY(AuditEdits(ledger, subject));
  ROLLCALL_TRY_ASSIGN(const auto jobs, ledger.JobAll());
  for (const Job& job : jobs) ROLLCALL_TRY(AuditJob(ledger, job));
  ROLLCALL_TRY_ASSIGN(const auto runs, ledger.RunsChanged(0, kAll));
  std::set<std::string> live;
  for (const StageRun& run : runs) {
    ROLLCALL_TRY(AuditRun(ledger, run));
    if (domain::IsTerminal(run.state) || !run.dedupe_key) continue;
    if (!live.insert(*run.dedupe_key).second) {
      return Damaged(fmt::format("{} is live twice", run.job_name()));
    }
  }
  return {};
}

}  // namespace rollcall::store
