#pragma once

#include <string>
#include <string_view>

#include "app/config.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"

namespace rollcall::cli {

// What the global flags say, as typed.
struct GlobalFlags {
  app::SettingValues settings;
  bool is_json = false;
};

// Where a command speaks. For a person: results and progress on standard output, errors on standard
// error. With --json: one document on standard output, everything else on standard error.
//
// Thread-compatible.
class Console {
 public:
  explicit Console(const GlobalFlags& flags);

  bool is_json() const { return is_json_; }
  // " --data 'DIR'" where the data directory was told so, else empty.
  const std::string& data_flag() const { return data_flag_; }
  // `sentence` with data_flag() in every command that it quotes: "`rollcall jobs list`".
  std::string AsTyped(std::string_view sentence) const;
  // How what Print writes is shown; asked anew each time, windows change.
  Terminal terminal() const;
  // To which long cells of a table are broken; 0 where nobody reads columns.
  int table_width() const { return terminal().is_tty ? terminal().width : 0; }
  Paint paint() const { return Paint(terminal().is_coloured); }

  // Text for the person, with its line ends: to standard output, or standard error with --json.
  void Print(std::string_view text) const;
  // The one document of --json.
  void PrintDocument(const base::Json& document) const;
  // "error: ERR_X: sentence" and "hint: …" on standard error; with --json the document as well.
  void PrintError(const base::Error& error) const;
  void PrintWarning(std::string_view text) const;

  std::unique_ptr<ProgressDisplay> MakeProgress() const;

  // The errno of the last output that could not be written, 0 if all was. A reader that has gone
  // away is no error.
  static int OutputError();

 private:
  bool is_json_;
  std::string data_flag_;
  int fd_;
};

}  // namespace rollcall::cli
