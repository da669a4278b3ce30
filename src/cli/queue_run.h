#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/engine_link.h"
#include "base/result.h"
#include "cli/engine_successor.h"
#include "cli/interrupt.h"
#include "cli/queue_display.h"
#include "cli/video_list.h"
#include "cli/video_queue.h"
#include "client/event_reader.h"
#include "episode/stages/episode_planner.h"

namespace rollcall::cli {

// Starts a job for each video of a queue, one after the other, and stays until all have ended.
// While an answer is waited for, what is at work is shown all the same.
//
// A Ctrl-C cancels the jobs that this command began or took up, and leaves the others. When the
// engine dies, a new one goes on (EngineSuccessor).
//
// Thread-compatible. Borrows everything.
class QueueRun {
 public:
  struct Options {
    episode::StartRequest request;  // Of each, but for its video.
    // Somebody worked before this command came: what is open then is his.
    bool was_working = false;
    int restarts_max = 5;  // Without a video that ends between them.
  };
  struct Parts {
    app::EngineLink& link;
    QueueDisplay& display;
    const Interrupt& interrupt;
    VideoQueue& queue;
    SameVideoSearch& same_videos;
  };
  QueueRun(Parts parts, Options options);

  // An error is one that concerns all of it, and nothing was begun or the engine is gone for good.
  base::Result<void> Run();

  // Sentences that were said already; for the document of --json.
  const std::vector<std::string>& warnings() const { return warnings_; }
  bool was_interrupted() const { return parts_.queue.is_cancelling(); }

 private:
  base::Result<void> Listen();
  base::Result<void> GoOn();
  base::Result<void> StartNext(std::size_t index);
  // `episode`: its key; empty: its name gives one.
  base::Result<void> Start(std::size_t index, const std::string& episode);
  base::Result<void> Refused(std::size_t index, const std::string& episode, base::Error error);
  base::Result<void> TakeAnswer(std::size_t index, const base::Json& answer);
  base::Result<void> TellEnded();
  base::Result<void> Cancel();
  base::Result<void> Watch(std::chrono::milliseconds limit);
  void Take(const client::Event& event);
  base::Result<base::Json> Ask(const api::Request& request);
  void Warn(std::string sentence);

  const Parts parts_;
  const Options options_;
  EngineSuccessor successor_;
  std::optional<std::size_t> sent_;  // The start that no engine has answered.
  std::set<std::size_t> told_;
  std::set<std::int64_t> cancelled_;  // Jobs.
  std::vector<std::string> warnings_;
};

}  // namespace rollcall::cli
