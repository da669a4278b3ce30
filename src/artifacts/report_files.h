#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "domain/media_time.h"

namespace rollcall::artifacts {

// One stretch of one person's presence.
struct TimelineRow {
  std::string person_name;
  domain::MediaTime start{};
  domain::MediaTime end{};
  double confidence = 0;         // Mean detector score, 0…1.
  std::int64_t frame_count = 0;  // Sampled frames with the person in it.
  double visible_fraction = 0;   // Of the stretch's sampled frames.
};

struct TotalsRow {
  std::string person_name;
  domain::MediaTime total{};
  std::int64_t appearances = 0;
  domain::MediaTime first{};
  domain::MediaTime last{};
  double mean_confidence = 0;
  double percent = 0;         // Of the video's length, 0…100.
  domain::MediaTime error{};  // ± of the total.
};

struct ReportMetadata {
  std::vector<std::pair<std::string, std::string>> entries;  // In order, for the sheet Metadata.
};

// Header and rows as origin.md §8 and the issue name them: person_name, start_ms, end_ms,
// duration_ms, source, confidence, frame_count, visible_fraction. RFC 4180, LF. A name
// that a spreadsheet would take for a formula (it begins with =, +, -, @) has an apostrophe before
// it; totals.xlsx has it as it is, as a text.
std::string TimelineCsv(const std::vector<TimelineRow>& rows);
// person_name, total_ms, total_sec, appearances, first_ms, last_ms, mean_confidence, percent,
// error_ms.
std::string TotalsCsv(const std::vector<TotalsRow>& rows);
// WebVTT: one cue for each stretch with the same set of people, in time order; within a cue, people
// in the order of their first row.
std::string TimelineVtt(const std::vector<TimelineRow>& rows);
// The columns of TotalsCsv.
base::Result<void> WriteTotalsParquet(const std::filesystem::path& path,
                                      const std::vector<TotalsRow>& rows);
// Sheets Summary, Timeline, Metadata. No wall-clock time inside: the same rows, the same bytes. A
// sheet has room for a million rows; of a longer timeline it says that the rest is in timeline.csv.
base::Result<void> WriteTotalsXlsx(const std::filesystem::path& path,
                                   const std::vector<TotalsRow>& totals,
                                   const std::vector<TimelineRow>& timeline,
                                   const ReportMetadata& metadata);

}  // namespace rollcall::artifacts
