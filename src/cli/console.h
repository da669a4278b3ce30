#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "app/config.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/progress_display.h"
#include "cli/queue_display.h"
#include "cli/terminal.h"

namespace rollcall::cli {

// What the global flags say, as typed.
struct GlobalFlags {
  app::SettingValues settings;
  bool is_json = false;
  mode_t users_umask = 022;  // As the command was started with.
};

// `text` as one word of a shell that gives back the same bytes, and that shows none which a
// terminal might take for something else.
std::string ShellWord(const std::string& text);

// Where a command speaks. For a person: results and progress on standard output, errors on standard
// error. With --json: one document on standard output, everything else on standard error.
//
// Thread-compatible.
class Console {
 public:
  explicit Console(const GlobalFlags& flags);

  bool is_json() const { return is_json_; }
  // " --data 'DIR'", as a shell takes it back, where the data directory was told so, else empty.
  const std::string& data_flag() const { return data_flag_; }
  // `sentence` with data_flag() in every command that it quotes: "`rollcall jobs list`".
  std::string AsTyped(std::string_view sentence) const;
  // How what Print writes is shown; asked anew each time, windows change.
  Terminal terminal() const;
  // To which long cells of a table are broken; 0 where nobody reads columns.
  int table_width() const { return terminal().is_tty ? terminal().width : 0; }
  Paint paint() const { return Paint(terminal().is_coloured); }

  // Text for the person, with its line ends: to standard output, or standard error with --json.
  // Control characters in it are written out (OnScreen).
  void Print(std::string_view text) const;
  // The same for a display that moves the cursor, whose text holds no control characters but its
  // own.
  void PrintFrame(std::string_view frame) const;
  // Bytes that were asked for, to standard output: as they are, unless a terminal would take them.
  static void PrintBytes(std::string_view bytes);
  // What the engine has answered, or a file says: for a person, with every text in it written out
  // as base::Shown has it; unchanged for --json.
  base::Json ForReader(base::Json answer) const;
  // The one document of --json.
  void PrintDocument(const base::Json& document) const;
  // "error: ERR_X: sentence" and "hint: …" on standard error; with --json the document as well.
  void PrintError(const base::Error& error) const;
  void PrintWarning(std::string_view text) const;

  std::unique_ptr<ProgressDisplay> MakeProgress() const;
  std::unique_ptr<QueueDisplay> MakeQueueDisplay() const;

  // The errno of the last output that could not be written, 0 if all was. A reader that has gone
  // away is no error.
  static int OutputError();

 private:
  bool is_json_;
  std::string data_flag_;
  int fd_;
};

}  // namespace rollcall::cli
