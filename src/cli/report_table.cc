#include "cli/report_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using base::Json;

struct Row {
  std::string name;
  std::string time;
  std::string error;
  std::string share_text;
  std::string appearances;
  double share = 0;
};

Row RowOf(const Json& person) {
  const double share = person.at("share").get<double>();
  // Rounded up: an error is never said to be smaller than it is.
  const double error = std::ceil(person.at("error_ms").get<double>() / 100) / 10;
  return {.name = person.at("name").get<std::string>(),
          .time = ExactDuration(person.at("total_ms").get<double>() / 1000),
          .error = fmt::format("± {:.1f} s", error),
          .share_text = fmt::format("{:.1f}%", share * 100),
          .appearances = std::to_string(person.at("intervals").size()),
          .share = share};
}

int WidestOf(const std::vector<Row>& rows, std::string Row::*column, int least) {
  for (const Row& row : rows) least = std::max(least, DisplayWidth(row.*column));
  return least;
}

std::string Table(const std::vector<Row>& rows, const Terminal& terminal) {
  constexpr int kGaps = 2 + 2 + 1 + 2 + 2 + 2;  // Margin and between columns.
  constexpr int kNameMax = 28;
  constexpr int kBarCellsMin = 6;
  constexpr int kBarCellsMax = 40;
  const Paint paint(terminal.is_coloured);
  const int time = WidestOf(rows, &Row::time, 0);
  const int error = WidestOf(rows, &Row::error, 0);
  const int share = WidestOf(rows, &Row::share_text, DisplayWidth("Share"));
  const int appearances = WidestOf(rows, &Row::appearances, DisplayWidth("Appearances"));
  const int screen_time = std::max(time + 1 + error, DisplayWidth("Screen time"));
  const int fixed = kGaps + screen_time - 1 + share + appearances;
  const int room = std::max(8, terminal.width - fixed);
  const int name = std::min({WidestOf(rows, &Row::name, DisplayWidth("Person")), kNameMax, room});
  const int bar = std::min(room - name, kBarCellsMax);

  // The longest bar is the longest share; the column before it has the numbers.
  double most = 0;
  for (const Row& row : rows) most = std::max(most, row.share);
  std::string text =
      paint.Dim("  " + PadRight("Person", name) + "  " + PadRight("Screen time", screen_time) +
                "  " + PadLeft("Share", share) + "  " + PadLeft("Appearances", appearances)) +
      "\n";
  for (const Row& row : rows) {
    const std::string drawn =
        bar >= kBarCellsMin && most > 0 ? "  " + paint.Accent(BlockBar(row.share / most, bar)) : "";
    text += "  " + paint.Bold(PadRight(Clip(row.name, name), name)) + "  " +
            PadRight(PadLeft(row.time, time) + " " + paint.Dim(PadLeft(row.error, error)),
                     screen_time) +
            "  " + PadLeft(row.share_text, share) + "  " + PadLeft(row.appearances, appearances) +
            drawn + "\n";
  }
  return text;
}

std::string Nobody(const Json& coverage) {
  const auto faces = coverage.value("faces_detected", std::int64_t{0});
  if (faces == 0) return "  Nobody was seen.\n";
  return fmt::format("  {} faces were found, and nobody could be made of them.\n", faces);
}

// "faces: 454 found; 60 chosen to tell people apart, 50 of them good enough (83 %)".
std::string FacesLine(const Json& coverage) {
  const auto chosen = coverage.value("faces_chosen", std::int64_t{0});
  const auto embedded = coverage.value("embeddings_computed", std::int64_t{0});
  std::string line;
  if (chosen > 0) {
    line = fmt::format(
        "  faces: {} found; {} chosen to tell people apart, {} of them good enough ({:.0f} %)\n",
        coverage.value("faces_detected", std::int64_t{0}), chosen, embedded,
        100.0 * static_cast<double>(embedded) / static_cast<double>(chosen));
  }
  std::string dropped;
  for (const Json& each : coverage.value("not_counted", Json::array())) {
    const auto faces = each.at("faces").get<std::int64_t>();
    dropped += fmt::format("{}{} {} {}", dropped.empty() ? "" : ", ", faces,
                           faces == 1 ? "face" : "faces", each.at("why").get<std::string>());
  }
  return dropped.empty() ? line : line + "  not counted: " + dropped + "\n";
}

}  // namespace

std::string OlderResults(const Paint& paint) {
  return paint.Warn("  made by an older rollcall: ") +
         "times count from the first picture; `rollcall analyze` makes them anew\n";
}

base::Result<std::string> ReportTable(const Json& report, const Terminal& terminal) {
  try {
    const Paint paint(terminal.is_coloured);
    std::vector<Row> rows;
    for (const Json& person : report.at("people")) rows.push_back(RowOf(person));
    const Json coverage = report.value("coverage", Json::object());
    std::string text = rows.empty() ? Nobody(coverage) : Table(rows, terminal);
    if (!report.contains("time")) text += OlderResults(paint);
    text += paint.Dim(FacesLine(coverage));
    for (const Json& warning : report.at("warnings")) {
      text += paint.Warn("  warning: ") + warning.get<std::string>() + "\n";
    }
    return text;
  } catch (const Json::exception& error) {
    return domain::MakeError(domain::reason::kArtifactCorrupt,
                             std::string("report.json is no report: ") + error.what());
  }
}

}  // namespace rollcall::cli
