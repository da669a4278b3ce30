#include "store/poison.h"

#include <fmt/format.h>

#include <algorithm>

#include "domain/reasons.h"

namespace rollcall::store {

using base::Json;
using base::Result;

namespace {

Json ListIn(const Json& result, const char* name) {
  const auto found = result.find(name);
  return found != result.end() && found->is_array() ? *found : Json::array();
}

void AddNew(const Json& entries, Json& list) {
  for (const Json& entry : entries) {
    if (std::ranges::find(list, entry) == list.end()) list.push_back(entry);
  }
}

Json GapsFrom(const std::vector<domain::SegmentSpan>& skips) {
  Json gaps = Json::array();
  for (const domain::SegmentSpan& skip : skips) {
    gaps.push_back({{"start_ms", domain::ToMillis(skip.pts_from)},
                    {"end_ms", domain::ToMillis(skip.pts_to)},
                    {"reason", domain::reason::kPoisonSegment}});
  }
  return gaps;
}

Result<void> SkipNext(Ledger& ledger, const StageRequest& stage) {
  ROLLCALL_TRY_ASSIGN(const std::int64_t next, ledger.SegmentCount(stage.work_key));
  ROLLCALL_TRY_ASSIGN(const auto poisons, ledger.Poisons(stage.work_key));
  for (PoisonSegment poison : poisons) {
    if (poison.span.number != next || poison.is_skipped) continue;
    poison.is_skipped = true;
    return ledger.PoisonWrite(stage.work_key, poison);
  }
  return domain::MakeError(
      domain::reason::kNothingToSkip,
      fmt::format("{} did not fail at a segment of the video that could be skipped", stage.name));
}

}  // namespace

Result<std::vector<domain::SegmentSpan>> SkippedSegments(Ledger& ledger,
                                                         std::string_view work_key) {
  ROLLCALL_TRY_ASSIGN(const auto poisons, ledger.Poisons(work_key));
  std::vector<domain::SegmentSpan> skips;
  for (const PoisonSegment& poison : poisons) {
    if (poison.is_skipped) skips.push_back(poison.span);
  }
  return skips;
}

Result<void> ApplySkipWish(Ledger& ledger, const StageRequest& stage) {
  switch (stage.skip) {
    case SkipWish::kAsBefore:
      return {};
    case SkipWish::kNone:
      return ledger.PoisonsErase(stage.work_key);
    case SkipWish::kPoison:
      return SkipNext(ledger, stage);
  }
  return {};
}

Result<bool> SettlePoison(Ledger& ledger, std::string_view work_key, std::int64_t number) {
  ROLLCALL_TRY_ASSIGN(const auto poisons, ledger.Poisons(work_key));
  for (const PoisonSegment& poison : poisons) {
    if (poison.span.number != number) continue;
    if (!poison.is_skipped) ROLLCALL_TRY(ledger.PoisonErase(work_key, number));
    return poison.is_skipped;
  }
  return false;
}

Json GapsOf(std::string_view result_json) {
  const Json result = base::ObjectFrom(result_json);
  Json gaps = ListIn(result, "gaps");
  AddNew(ListIn(result, "input_gaps"), gaps);
  return gaps;
}

Json InputGapsOf(std::string_view result_json) {
  return ListIn(base::ObjectFrom(result_json), "input_gaps");
}

Result<void> RecordGaps(Ledger& ledger, StageRun& run) {
  Json result = base::ObjectFrom(run.result_json);
  ROLLCALL_TRY_ASSIGN(const auto skips, SkippedSegments(ledger, run.work_key));
  if (!skips.empty() && ListIn(result, "gaps").empty()) result["gaps"] = GapsFrom(skips);
  Json inherited = Json::array();
  ROLLCALL_TRY_ASSIGN(const auto needs, ledger.RunNeeds(run.id));
  for (const StageRunId id : needs) {
    ROLLCALL_TRY_ASSIGN(const auto need, Present(ledger.RunRead(id)));
    AddNew(GapsOf(need.result_json), inherited);
  }
  if (!inherited.empty()) result["input_gaps"] = std::move(inherited);
  const bool is_whole = !result.contains("gaps") && !result.contains("input_gaps");
  if (!is_whole) run.result_json = result.dump(-1, ' ', false, Json::error_handler_t::replace);
  return {};
}

}  // namespace rollcall::store
