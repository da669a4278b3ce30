#include "cli/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>

#include "api/error_json.h"
#include "app/config.h"
#include "base/shown_text.h"
#include "base/utf8.h"

namespace rollcall::cli {
namespace {

std::atomic<int> g_output_error{0};

// Output that nobody takes any more (a closed pipe) is not worth an error.
void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EPIPE) g_output_error = errno;
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

std::string ShellWord(const std::string& text) {
  if (base::Shown(text) == text && text.find('\'') == text.npos) return "'" + text + "'";
  std::string word = "$'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') {
      word += std::string("\\") + c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      word += fmt::format("\\x{:02x}", byte);
    } else {
      word += c;
    }
  }
  return word + "'";
}

int Console::OutputError() { return g_output_error; }

Console::Console(const GlobalFlags& flags)
    : is_json_(flags.is_json), fd_(flags.is_json ? STDERR_FILENO : STDOUT_FILENO) {
  const auto data = flags.settings.find("data");
  if (data == flags.settings.end() || data->second.empty()) return;
  data_flag_ =
      " --data " + ShellWord(std::filesystem::absolute(data->second).lexically_normal().string());
}

std::string Console::AsTyped(std::string_view sentence) const {
  constexpr std::string_view kCommand = "`rollcall ";
  std::string text;
  std::size_t at = 0;
  while (!data_flag_.empty()) {
    const std::size_t begin = sentence.find(kCommand, at);
    const std::size_t end =
        begin == sentence.npos ? begin : sentence.find('`', begin + kCommand.size());
    if (end == sentence.npos) break;
    text += sentence.substr(at, end - at);
    if (sentence.substr(begin, end - begin).find(" --data ") == sentence.npos) text += data_flag_;
    at = end;
  }
  return text + std::string(sentence.substr(at));
}

Terminal Console::terminal() const { return Terminal::Of(fd_, app::ProcessEnvironment()); }

void Console::Print(std::string_view text) const {
  WriteAll(fd_, OnScreen(text, terminal().is_coloured));
}

void Console::PrintFrame(std::string_view frame) const { WriteAll(fd_, frame); }

void Console::PrintBytes(std::string_view bytes) {
  if (::isatty(STDOUT_FILENO) == 1) {
    WriteAll(STDOUT_FILENO, OnScreen(bytes, false));
  } else {
    WriteAll(STDOUT_FILENO, bytes);
  }
}

base::Json Console::ForReader(base::Json answer) const {
  return is_json_ ? std::move(answer) : base::ShownValues(std::move(answer));
}

void Console::PrintDocument(const base::Json& document) const {
  WriteAll(STDOUT_FILENO, base::ShownDocument(document, 2) + "\n");
}

void Console::PrintError(const base::Error& told) const {
  base::Error error = told;
  error.message = AsTyped(error.message);
  error.hint = AsTyped(error.hint);
  const Paint paint(Terminal::Of(STDERR_FILENO, app::ProcessEnvironment()).is_coloured);
  std::string text = paint.Bad("error: ") + base::Shown(error.reason + ": " + error.message) + "\n";
  if (!error.hint.empty()) text += paint.Dim("hint: ") + base::Shown(error.hint) + "\n";
  WriteAll(STDERR_FILENO, text);
  if (is_json_) PrintDocument({{"error", api::ErrorToJson(error)}});
}

void Console::PrintWarning(std::string_view text) const {
  const Paint paint(Terminal::Of(STDERR_FILENO, app::ProcessEnvironment()).is_coloured);
  WriteAll(STDERR_FILENO, paint.Warn("warning: ") + base::Shown(text) + "\n");
}

std::unique_ptr<QueueDisplay> Console::MakeQueueDisplay() const {
  const auto write = terminal().is_coloured ? &Console::PrintFrame : &Console::Print;
  return QueueDisplay::Make([this] { return terminal(); },
                            [this, write](std::string_view text) { (this->*write)(text); },
                            std::chrono::steady_clock::now());
}

std::unique_ptr<ProgressDisplay> Console::MakeProgress() const {
  const auto write = terminal().is_coloured ? &Console::PrintFrame : &Console::Print;
  return ProgressDisplay::Make([this] { return terminal(); },
                               [this, write](std::string_view text) { (this->*write)(text); },
                               std::chrono::steady_clock::now());
}

}  // namespace rollcall::cli
