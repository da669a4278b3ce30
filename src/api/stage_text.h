#pragma once

#include <string>
#include <string_view>

#include "api/job_view.h"
#include "base/json.h"

namespace rollcall::api {

// Jobs and their stages in words, for people.

// A worker says that it lives each second; from here on somebody should look.
inline constexpr double kLatePulse_s = 5;

// A worker has it, or is ending.
bool IsLive(const StageView& stage);
// 0…1
double ShareDone(const StageView& stage);
// "loading models"; empty for the work itself.
std::string_view PhaseWords(const StageView& stage);
// It has got on for a while: no estimate then means that it does not get on now.
bool IsBeyondStart(const StageView& stage);

// What happened to a stage, in words for a log: "ok in 42 s (5678 faces detected)".
std::string StageSummary(const StageView& stage);
// Where a running stage is: "54%, 6804/12600 frames, 8.5x real time, 1:02 left (p90 1:20),
// heartbeat 1 s ago".
std::string StageProgress(const StageView& stage);
// "interrupted at 54%, 6804/12600 frames, last heartbeat 3:20 ago; nothing works on it now": of a
// stage that an engine which has ended left running.
std::string WhereItWasLeft(const StageView& stage);

// What happened to a stage, or what it is at and whether it was restarted; `is_worked_on`: an
// engine takes work.
std::string LiveNews(const StageView& stage, bool is_worked_on);

// "restarted, attempt 2 (attempt 1: ERR_WORKER_CRASHED, signal 9)" of a stage that runs
// for another time; the brackets where it is known. Empty for a first attempt.
std::string RestartText(const StageView& stage);
// "ERR_STALLED, signal 9"
std::string AttemptEnding(const AttemptView& attempt);
// pending running ok error skipped canceled, and what follows from more than the state: "stalled",
// "ending" (it has ended, but that is not through yet), "interrupted" (it ran, and no engine works
// any more).
std::string StatusWord(const StageView& stage, bool is_worked_on);
// "paused" while the disk is full; else of the stage that runs, else the job's.
std::string StatusWord(const JobView& job);
// "ERR_DISK_FULL: no space left on device", without the hint.
std::string TroubleText(const base::Error& trouble);
// "no progress for 42 s (ERR_STALLED)" of a stage that is stalled.
std::string StallText(const StageView& stage);
// "12 s of 5:00": how much of the phase's budget is used; empty if that is not known.
std::string BudgetText(const StageView& stage);

// "job 3 (effort full, running) of the same episode is open as well: …" and how to end it; in
// brackets what its request says otherwise than that of `own`.
std::string OpenBesideText(const JobView& other, const JobView& own);

// "5678 faces detected, 812 embeddings computed": the whole numbers of a result or of counters.
std::string DescribeNumbers(const base::Json& numbers);

}  // namespace rollcall::api
