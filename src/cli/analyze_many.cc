#include "cli/analyze_many.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <utility>

#include "base/shown_text.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/queue_report.h"
#include "cli/queue_run.h"
#include "cli/video_queue.h"
#include "media/video_probe.h"

namespace rollcall::cli {
namespace {

using base::Json;
using base::Result;
using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Below the table: of each that failed, what it was and what to do.
void PrintErrors(const Console& console, const VideoQueue& queue) {
  for (base::Error& error : QueueErrors(queue)) {
    error.hint = console.AsTyped(error.hint);
    // With --json the document has them; one is all there is.
    Console({}).PrintError(error);
  }
}

void SayWhatIsFound(const Console& console, const VideoList& list) {
  const std::size_t count = list.videos.size();
  const std::string left_out = list.left_out.Text();
  console.Print(fmt::format("{} {}{}\n", count, count == 1 ? "video" : "videos",
                            left_out.empty() ? "" : "; left out: " + left_out));
}

std::string WhereReportsAre(const Session& session) {
  return session.console().paint().Dim("reports: ") +
         base::Shown((session.data().outputs("EPISODE") / "report.json").native()) + "\n";
}

}  // namespace

bool IsQueue(const std::vector<std::string>& typed) {
  std::error_code ignored;
  // An empty name is that of no folder: a variable was empty.
  return typed.size() != 1 || (!typed.front().empty() &&
                               std::filesystem::is_directory(FullPath(typed.front()), ignored));
}

ExitCode ReportHopeless(const GlobalFlags& flags, VideoList list) {
  const Console console(flags);
  const LeftOut left_out = list.left_out;
  const VideoQueue queue(std::move(list.videos), 1);
  PrintErrors(console, queue);
  if (console.is_json()) {
    console.PrintDocument(
        QueueDocument(queue, {.left_out = left_out, .warnings = {}, .took_s = 0, .outputs = {}}));
  }
  return queue.Exit();
}

Result<ExitCode> AnalyzeMany(Session& session, VideoList list,
                             const episode::StartRequest& request) {
  const auto start = SteadyClock::now();
  ROLLCALL_TRY(session.data().CheckWritable());
  const Console& console = session.console();
  SayWhatIsFound(console, list);
  const Interrupt interrupt;  // From here on there is something to cancel.
  ROLLCALL_TRY_ASSIGN(app::EngineLink * link, session.Engine());
  ROLLCALL_TRY_ASSIGN(const Json hello, link->Ask(api::Get({"api", "engine", "hello"})));
  VideoQueue queue(list.videos, hello.value("slots", 1));
  SameVideoSearch same_videos(list.videos,
                              [](const auto& video) { return media::Fingerprint(video); });
  const auto display = console.MakeQueueDisplay();
  QueueRun run({.link = *link,
                .display = *display,
                .interrupt = interrupt,
                .queue = queue,
                .same_videos = same_videos},
               {.request = request, .was_working = hello.value("is_working", false)});
  const auto ended = run.Run();
  display->End();
  ROLLCALL_TRY(ended);

  const double took_s = SecondsSince(start);
  std::string text = "\n" + QueueTable(queue, console.paint(), console.table_width()) + "\n" +
                     QueueSummary(queue, took_s) + "\n";
  if (queue.Counts().done() > 0) text += WhereReportsAre(session);
  if (run.was_interrupted()) text += "the same command goes on with what is left\n";
  console.Print(text);
  PrintErrors(console, queue);
  if (console.is_json()) {
    console.PrintDocument(QueueDocument(
        queue, {.left_out = list.left_out,
                .warnings = run.warnings(),
                .took_s = took_s,
                .outputs = [&](const std::string& key) { return session.data().outputs(key); }}));
  }
  return run.was_interrupted() ? ExitCode::kCancelled : queue.Exit();
}

}  // namespace rollcall::cli
