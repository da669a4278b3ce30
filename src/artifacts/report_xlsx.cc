#include <unistd.h>
#include <xlsxwriter.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>

#include "artifacts/report_files.h"
#include "artifacts/utf8.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;
using domain::MediaTime;
using domain::ToMillis;

// 2020-01-01, so that a workbook does not say when it was written.
constexpr time_t kCreated = 1'577'836'800;
constexpr std::size_t kSheetRowsMax = 1'048'576 - 2;  // Less the header and the closing line.
constexpr std::size_t kCellBytesMax = 32'767;         // Excel's limit, counted in characters there.

struct WorkbookDeleter {
  void operator()(lxw_workbook* workbook) const { lxw_workbook_free(workbook); }
};
using Workbook = std::unique_ptr<lxw_workbook, WorkbookDeleter>;

struct Formats {
  explicit Formats(lxw_workbook* workbook)
      : header(workbook_add_format(workbook)),
        time(workbook_add_format(workbook)),
        fraction(workbook_add_format(workbook)),
        percent(workbook_add_format(workbook)) {
    format_set_bold(header);
    format_set_bottom(header, LXW_BORDER_THIN);
    format_set_num_format(time, "[h]:mm:ss.0");
    format_set_num_format(fraction, "0.000");
    format_set_num_format(percent, "0.0");
  }
  lxw_format* header;
  lxw_format* time;
  lxw_format* fraction;
  lxw_format* percent;
};

// A worksheet that is filled row by row, cell by cell.
class Sheet {
 public:
  struct Heading {
    const char* title;
    double width;  // In characters.
  };

  Sheet(lxw_workbook* workbook, const char* name, const Formats& formats,
        const std::vector<Heading>& headings)
      : sheet_(workbook_add_worksheet(workbook, name)), formats_(formats) {
    lxw_col_t column = 0;
    for (const Heading& heading : headings) {
      worksheet_set_column(sheet_, column, column, heading.width, nullptr);
      Keep(worksheet_write_string(sheet_, 0, column++, heading.title, formats_.header));
    }
    worksheet_freeze_panes(sheet_, 1, 0);
  }

  void NextRow() {
    ++row_;
    column_ = 0;
  }
  // Always text: a name that begins with '=' is no formula.
  void Text(std::string_view text) {
    std::string clean = ToUtf8(text);
    if (clean.size() > kCellBytesMax) clean = ToUtf8(clean.substr(0, kCellBytesMax - 3));
    Keep(worksheet_write_string(sheet_, row_, column_++, clean.c_str(), nullptr));
  }
  void Number(std::int64_t value) { Write(static_cast<double>(value), nullptr); }
  void Fraction(double value) { Write(value, formats_.fraction); }
  void Percent(double value) { Write(value, formats_.percent); }
  // As a part of a day, which is what spreadsheets reckon in.
  void Time(MediaTime time) {
    Write(static_cast<double>(ToMillis(time)) / 86'400'000.0, formats_.time);
  }

  lxw_row_t row() const { return row_; }
  lxw_worksheet* get() const { return sheet_; }
  lxw_error error() const { return error_; }

 private:
  void Write(double value, lxw_format* format) {
    // A workbook has no NaN; the cell stays empty.
    if (std::isfinite(value)) Keep(worksheet_write_number(sheet_, row_, column_, value, format));
    ++column_;
  }
  void Keep(lxw_error error) {
    if (error_ == LXW_NO_ERROR) error_ = error;
  }

  lxw_worksheet* sheet_;
  const Formats& formats_;
  lxw_row_t row_ = 0;
  lxw_col_t column_ = 0;
  lxw_error error_ = LXW_NO_ERROR;
};

lxw_error FillSummary(lxw_workbook* workbook, const Formats& formats,
                      const std::vector<TotalsRow>& totals) {
  Sheet sheet(workbook, "Summary", formats,
              {{"Person", 28},
               {"Screen time", 14},
               {"±", 10},
               {"Percent", 24},
               {"Appearances", 13},
               {"First seen", 14},
               {"Last seen", 14},
               {"Mean confidence", 17},
               {"total_ms", 12},
               {"error_ms", 10},
               {"first_ms", 12},
               {"last_ms", 12}});
  constexpr lxw_col_t kPercentColumn = 3;
  for (const TotalsRow& row : totals) {
    if (sheet.row() >= kSheetRowsMax) break;
    sheet.NextRow();
    sheet.Text(row.person_name);
    sheet.Time(row.total);
    sheet.Time(row.error);
    sheet.Percent(row.percent);
    sheet.Number(row.appearances);
    sheet.Time(row.first);
    sheet.Time(row.last);
    sheet.Fraction(row.mean_confidence);
    sheet.Number(ToMillis(row.total));
    sheet.Number(ToMillis(row.error));
    sheet.Number(ToMillis(row.first));
    sheet.Number(ToMillis(row.last));
  }
  if (totals.empty()) return sheet.error();
  lxw_conditional_format bar{};
  bar.type = LXW_CONDITIONAL_DATA_BAR;
  bar.data_bar_2010 = LXW_TRUE;
  bar.bar_color = 0x63C384;
  bar.bar_solid = LXW_TRUE;
  bar.min_rule_type = LXW_CONDITIONAL_RULE_TYPE_NUMBER;
  bar.max_rule_type = LXW_CONDITIONAL_RULE_TYPE_NUMBER;
  bar.min_value = 0;
  bar.max_value = 100;
  const lxw_error barred = worksheet_conditional_format_range(sheet.get(), 1, kPercentColumn,
                                                              sheet.row(), kPercentColumn, &bar);
  return sheet.error() == LXW_NO_ERROR ? barred : sheet.error();
}

lxw_error FillTimeline(lxw_workbook* workbook, const Formats& formats,
                       const std::vector<TimelineRow>& timeline) {
  Sheet sheet(workbook, "Timeline", formats,
              {{"Person", 28},
               {"Start", 14},
               {"End", 14},
               {"Duration", 14},
               {"Confidence", 12},
               {"Frames", 10},
               {"Visible fraction", 16},
               {"start_ms", 12},
               {"end_ms", 12},
               {"duration_ms", 13}});
  for (const TimelineRow& row : timeline) {
    sheet.NextRow();
    if (sheet.row() > kSheetRowsMax) {
      sheet.Text("… the rest is in timeline.csv");
      break;
    }
    const std::int64_t duration_ms = ToMillis(row.end) - ToMillis(row.start);
    sheet.Text(row.person_name);
    sheet.Time(row.start);
    sheet.Time(row.end);
    sheet.Time(std::chrono::milliseconds(duration_ms));
    sheet.Fraction(row.confidence);
    sheet.Number(row.frame_count);
    sheet.Fraction(row.visible_fraction);
    sheet.Number(ToMillis(row.start));
    sheet.Number(ToMillis(row.end));
    sheet.Number(duration_ms);
  }
  return sheet.error();
}

lxw_error FillMetadata(lxw_workbook* workbook, const Formats& formats,
                       const ReportMetadata& metadata) {
  Sheet sheet(workbook, "Metadata", formats, {{"Key", 28}, {"Value", 80}});
  for (const auto& [key, value] : metadata.entries) {
    if (sheet.row() >= kSheetRowsMax) break;
    sheet.NextRow();
    sheet.Text(key);
    sheet.Text(value);
  }
  return sheet.error();
}

base::Error XlsxError(lxw_error error, int error_number, const fs::path& path) {
  // libxlsxwriter's own codes for files come with an errno; the rest are sentences.
  const bool is_of_system =
      error == LXW_ERROR_CREATING_XLSX_FILE || error == LXW_ERROR_CREATING_TMPFILE ||
      error == LXW_ERROR_READING_TMPFILE || error == LXW_ERROR_ZIP_FILE_OPERATION ||
      error == LXW_ERROR_ZIP_FILE_ADD || error == LXW_ERROR_ZIP_CLOSE;
  if (is_of_system && error_number != 0) return base::ErrnoError(error_number, "write", path);
  return domain::MakeError(reason::kInternal,
                           "cannot write " + path.string() + ": " + lxw_strerror(error));
}

// More than the workbook takes while it is written: its sheets lie beside it, not compressed.
std::int64_t RoomFor(const std::vector<TotalsRow>& totals,
                     const std::vector<TimelineRow>& timeline) {
  constexpr std::int64_t kEmpty = 64 << 10;
  constexpr std::int64_t kRow = 1 << 10;
  return kEmpty + kRow * (std::ssize(totals) + std::ssize(timeline));
}

}  // namespace

base::Result<void> WriteTotalsXlsx(const fs::path& path, const std::vector<TotalsRow>& totals,
                                   const std::vector<TimelineRow>& timeline,
                                   const ReportMetadata& metadata) {
  std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  lxw_workbook_options options{
      .constant_memory = LXW_FALSE, .tmpdir = folder.data(), .use_zip64 = LXW_FALSE};
  Workbook workbook(workbook_new_opt(path.c_str(), &options));
  if (workbook == nullptr) {
    return domain::MakeError(reason::kInternal, "cannot start a workbook for " + path.string());
  }
  std::string title = "Who was on screen";
  std::string application = "Rollcall";
  lxw_doc_properties properties{};
  properties.title = title.data();
  properties.author = application.data();
  properties.created = kCreated;
  workbook_set_properties(workbook.get(), &properties);

  const Formats formats(workbook.get());
  for (const lxw_error error : {FillSummary(workbook.get(), formats, totals),
                                FillTimeline(workbook.get(), formats, timeline),
                                FillMetadata(workbook.get(), formats, metadata)}) {
    if (error != LXW_NO_ERROR) return XlsxError(error, 0, path);
  }
  errno = 0;
  const lxw_error closed = workbook_close(workbook.release());
  const int error_number = errno;
  if (closed != LXW_NO_ERROR) {
    ::unlink(path.c_str());
    return base::WantingBytes(XlsxError(closed, error_number, path), RoomFor(totals, timeline));
  }
  return {};
}

}  // namespace rollcall::artifacts
