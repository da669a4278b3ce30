#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "artifacts/parquet.h"
#include "artifacts/report_files.h"
#include "artifacts/utf8.h"

namespace rollcall::artifacts {
namespace {

using domain::ToMillis;

// What a spreadsheet takes for a formula when it opens a CSV file (OWASP, CSV injection).
bool LooksLikeFormula(std::string_view text) {
  return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
}

// RFC 4180: quoted when it must be, quotes doubled. An apostrophe keeps a spreadsheet from
// computing a name.
std::string CsvField(std::string_view name) {
  const std::string plain = ToUtf8(name);
  const std::string text = LooksLikeFormula(plain) ? "'" + plain : plain;
  const bool is_plain = text.find_first_of(",\"\r\n") == std::string::npos &&
                        (text.empty() || (text.front() != ' ' && text.back() != ' '));
  if (is_plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') quoted += c;
  }
  return quoted + "\"";
}

// HH:MM:SS.mmm; hours may have more than two digits.
std::string VttTime(std::int64_t ms) {
  return fmt::format("{:02}:{:02}:{:02}.{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                     ms % 1000);
}

// Cue text: no markup, and no line break, which would end the cue.
std::string VttText(std::string_view text) {
  std::string escaped;
  for (const char c : ToUtf8(text)) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else {
      escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

// People by the order of their first row.
std::map<std::string_view, std::size_t> PersonOrder(const std::vector<TimelineRow>& rows) {
  std::map<std::string_view, std::size_t> order;
  for (const TimelineRow& row : rows) order.emplace(row.person_name, order.size());
  return order;
}

// When a person comes (+1) and goes (-1), in milliseconds.
struct Step {
  std::int64_t at_ms = 0;
  int by = 0;
  std::string_view person;
};

std::vector<Step> StepsInTimeOrder(const std::vector<TimelineRow>& rows) {
  std::vector<Step> steps;
  for (const TimelineRow& row : rows) {
    const std::int64_t start = std::max<std::int64_t>(ToMillis(row.start), 0);
    const std::int64_t end = ToMillis(row.end);
    if (end <= start) continue;
    steps.push_back({.at_ms = start, .by = 1, .person = row.person_name});
    steps.push_back({.at_ms = end, .by = -1, .person = row.person_name});
  }
  std::sort(steps.begin(), steps.end(),
            [](const Step& a, const Step& b) { return a.at_ms < b.at_ms; });
  return steps;
}

}  // namespace

std::string TimelineCsv(const std::vector<TimelineRow>& rows) {
  std::string csv =
      "person_name,start_ms,end_ms,duration_ms,source,confidence,frame_count,visible_fraction\n";
  for (const TimelineRow& row : rows) {
    const std::int64_t start = ToMillis(row.start);
    const std::int64_t end = ToMillis(row.end);
    csv += fmt::format("{},{},{},{},face,{:.4f},{},{:.4f}\n", CsvField(row.person_name), start, end,
                       end - start, row.confidence, row.frame_count, row.visible_fraction);
  }
  return csv;
}

std::string TotalsCsv(const std::vector<TotalsRow>& rows) {
  std::string csv =
      "person_name,total_ms,total_sec,appearances,first_ms,last_ms,mean_confidence,percent,"
      "error_ms\n";
  for (const TotalsRow& row : rows) {
    const std::int64_t total = ToMillis(row.total);
    csv += fmt::format("{},{},{:.3f},{},{},{},{:.4f},{:.2f},{}\n", CsvField(row.person_name), total,
                       static_cast<double>(total) / 1000, row.appearances, ToMillis(row.first),
                       ToMillis(row.last), row.mean_confidence, row.percent, ToMillis(row.error));
  }
  return csv;
}

std::string TimelineVtt(const std::vector<TimelineRow>& rows) {
  const auto order = PersonOrder(rows);
  std::vector<std::string> names(order.size());
  for (const auto& [name, place] : order) names[place] = VttText(name);

  struct Cue {
    std::int64_t start_ms = 0;
    std::int64_t end_ms = 0;
    std::set<std::size_t> people;
  };
  std::string vtt = "WEBVTT\n";
  const auto write = [&](const Cue& cue) {
    if (cue.people.empty()) return;
    std::string people;
    for (const std::size_t person : cue.people) {
      if (!people.empty()) people += ", ";
      people += names[person];
    }
    vtt += fmt::format("\n{} --> {}\n{}\n", VttTime(cue.start_ms), VttTime(cue.end_ms), people);
  };
  Cue cue;                             // The last one: it may go on.
  std::map<std::size_t, int> rows_of;  // Rows at hand per person: a person's own may overlap.
  std::set<std::size_t> visible;
  const std::vector<Step> steps = StepsInTimeOrder(rows);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::size_t person = order.at(steps[i].person);
    int& count = rows_of[person];
    count += steps[i].by;
    if (count > 0) {
      visible.insert(person);
    } else {
      visible.erase(person);
    }
    const bool is_last_of_its_time = i + 1 < steps.size() && steps[i + 1].at_ms > steps[i].at_ms;
    if (!is_last_of_its_time || visible.empty()) continue;
    const std::int64_t from = steps[i].at_ms;
    const std::int64_t to = steps[i + 1].at_ms;
    if (cue.end_ms == from && cue.people == visible) {
      cue.end_ms = to;
    } else {
      write(cue);
      cue = {.start_ms = from, .end_ms = to, .people = visible};
    }
  }
  write(cue);
  return vtt;
}

base::Result<void> WriteTotalsParquet(const std::filesystem::path& path,
                                      const std::vector<TotalsRow>& rows) {
  ROLLCALL_TRY_ASSIGN(auto writer,
                      ParquetWriter::Create(path, {{"person_name", ColumnType::kText},
                                                   {"total_ms", ColumnType::kInt64},
                                                   {"total_sec", ColumnType::kDouble},
                                                   {"appearances", ColumnType::kInt64},
                                                   {"first_ms", ColumnType::kInt64},
                                                   {"last_ms", ColumnType::kInt64},
                                                   {"mean_confidence", ColumnType::kDouble},
                                                   {"percent", ColumnType::kDouble},
                                                   {"error_ms", ColumnType::kInt64}}));
  for (const TotalsRow& row : rows) {
    writer->Text(row.person_name);
    writer->Int64(ToMillis(row.total));
    writer->Double(static_cast<double>(ToMillis(row.total)) / 1000);
    writer->Int64(row.appearances);
    writer->Int64(ToMillis(row.first));
    writer->Int64(ToMillis(row.last));
    writer->Double(row.mean_confidence);
    writer->Double(row.percent);
    writer->Int64(ToMillis(row.error));
    ROLLCALL_TRY(writer->EndRow());
  }
  return writer->Finish();
}

}  // namespace rollcall::artifacts
