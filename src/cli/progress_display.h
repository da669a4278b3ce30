#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "api/job_view.h"
#include "cli/live_block.h"
#include "cli/terminal.h"

namespace rollcall::cli {

// Shows a job while it runs.
//
// Thread-compatible. `write` gets whole lines or, for the live display, whole frames.
class ProgressDisplay {
 public:
  using Write = std::function<void(std::string_view bytes)>;
  using Moment = std::chrono::steady_clock::time_point;

  virtual ~ProgressDisplay() = default;
  virtual void Show(const api::JobView& job, Moment now) = 0;
  // A line that stays: "the engine ended; going on …".
  virtual void Note(const std::string& line) = 0;

  // On a terminal that takes escape codes: one block of lines that is drawn over itself, at most
  // five times a second unless something happened. Elsewhere: a line at each transition and every
  // ten seconds. `terminal` is asked before each frame, so that a resized window is drawn right.
  static std::unique_ptr<ProgressDisplay> Make(std::function<Terminal()> terminal, Write write,
                                               Moment start);
};

// Plain lines, for files, pipes and logs.
class PlainProgress final : public ProgressDisplay {
 public:
  static constexpr std::chrono::seconds kPeriod{10};
  // A stage that waits no longer than this for a worker is no news.
  static constexpr std::chrono::seconds kShortWait{3};

  explicit PlainProgress(Write write) : write_(std::move(write)) {}
  void Show(const api::JobView& job, Moment now) override;
  void Note(const std::string& line) override;

 private:
  struct Told {
    std::string summary;
    Moment progress_at{};
    std::optional<Moment> waits_since;
  };
  bool IsWorthTelling(const api::StageView& stage, Moment now);
  // Whether the disk is full; says when that begins and ends.
  bool TellPause(const api::JobView& job);

  Write write_;
  bool is_paused_ = false;
  std::map<std::string, Told> told_;  // By stage.
};

// A block of lines drawn over itself.
class LiveProgress final : public ProgressDisplay {
 public:
  static constexpr std::chrono::milliseconds kFrame{200};

  LiveProgress(std::function<Terminal()> terminal, Write write, Moment start)
      : terminal_(std::move(terminal)), block_(std::move(write)), start_(start) {}
  void Show(const api::JobView& job, Moment now) override;
  void Note(const std::string& line) override { block_.Note(line); }

 private:
  std::function<Terminal()> terminal_;
  LiveBlock block_;
  Moment start_;
  Moment drawn_at_{};
  std::string transition_;  // Of the job as drawn.
};

}  // namespace rollcall::cli
