#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cli/live_block.h"
#include "cli/terminal.h"
#include "cli/video_queue.h"

namespace rollcall::cli {

// Shows a queue of videos while it is worked on.
//
// Thread-compatible.
class QueueDisplay {
 public:
  using Write = LiveBlock::Write;
  using Moment = std::chrono::steady_clock::time_point;

  virtual ~QueueDisplay() = default;
  virtual void Show(const VideoQueue& queue, Moment now) = 0;
  // A video has come to its end; told once of each.
  virtual void TellEnded(const VideoQueue& queue, std::size_t index) = 0;
  // A line that stays.
  virtual void Note(const std::string& line) = 0;
  // What follows is written below.
  virtual void End() {}

  // As ProgressDisplay::Make.
  static std::unique_ptr<QueueDisplay> Make(std::function<Terminal()> terminal, Write write,
                                            Moment start);
};

// Plain lines: each video's end, where those at work are every ten seconds, the whole once a minute
// and after each end.
class PlainQueue final : public QueueDisplay {
 public:
  static constexpr std::chrono::seconds kPeriod{10};
  static constexpr std::chrono::seconds kWholePeriod{60};

  PlainQueue(Write write, Moment start) : write_(std::move(write)), whole_at_(start) {}
  void Show(const VideoQueue& queue, Moment now) override;
  void TellEnded(const VideoQueue& queue, std::size_t index) override;
  void Note(const std::string& line) override { write_(line + "\n"); }

 private:
  struct Told {
    std::string trouble;
    Moment at{};
  };
  void TellWork(const VideoQueue& queue, std::size_t index, Moment now);

  Write write_;
  Moment whole_at_;            // When the whole was told of last.
  bool is_paused_ = false;     // As it was told.
  bool has_estimate_ = false;  // Which was told.
  std::string ended_;          // Of how many the end was told.
  std::string whole_of_;       // The same when the whole was told of.
  std::map<std::size_t, Told> told_;
};

// A block of lines drawn over itself; what has ended stays above it. Videos that were done before
// are counted there, and have their line in the table at the end.
class LiveQueue final : public QueueDisplay {
 public:
  static constexpr std::chrono::milliseconds kFrame{200};

  LiveQueue(std::function<Terminal()> terminal, Write write, Moment start)
      : terminal_(std::move(terminal)), block_(std::move(write)), start_(start) {}
  void Show(const VideoQueue& queue, Moment now) override;
  void TellEnded(const VideoQueue& queue, std::size_t index) override;
  void Note(const std::string& line) override { block_.Note(line); }
  void End() override { block_.Clear(); }

 private:
  std::function<Terminal()> terminal_;
  LiveBlock block_;
  Moment start_;
  Moment drawn_at_{};
};

}  // namespace rollcall::cli
