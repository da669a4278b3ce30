#include "cli/console.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>

#include "app/config.h"
#include "control/protocol.h"

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

int Console::OutputError() { return g_output_error; }

Console::Console(const GlobalFlags& flags)
    : is_json_(flags.is_json), fd_(flags.is_json ? STDERR_FILENO : STDOUT_FILENO) {
  const auto data = flags.settings.find("data");
  if (data == flags.settings.end() || data->second.empty()) return;
  data_flag_ =
      " --data '" + std::filesystem::absolute(data->second).lexically_normal().string() + "'";
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

void Console::Print(std::string_view text) const { WriteAll(fd_, text); }

void Console::PrintDocument(const base::Json& document) const {
  WriteAll(STDOUT_FILENO,
           document.dump(2, ' ', false, base::Json::error_handler_t::replace) + "\n");
}

void Console::PrintError(const base::Error& told) const {
  base::Error error = told;
  error.message = AsTyped(error.message);
  error.hint = AsTyped(error.hint);
  const Paint paint(Terminal::Of(STDERR_FILENO, app::ProcessEnvironment()).is_coloured);
  std::string text = paint.Bad("error: ") + error.reason + ": " + error.message + "\n";
  if (!error.hint.empty()) text += paint.Dim("hint: ") + error.hint + "\n";
  WriteAll(STDERR_FILENO, text);
  if (is_json_) PrintDocument({{"error", control::ErrorToJson(error)}});
}

void Console::PrintWarning(std::string_view text) const {
  const Paint paint(Terminal::Of(STDERR_FILENO, app::ProcessEnvironment()).is_coloured);
  WriteAll(STDERR_FILENO, paint.Warn("warning: ") + std::string(text) + "\n");
}

std::unique_ptr<ProgressDisplay> Console::MakeProgress() const {
  return ProgressDisplay::Make([this] { return terminal(); },
                               [this](std::string_view bytes) { Print(bytes); },
                               std::chrono::steady_clock::now());
}

}  // namespace rollcall::cli
