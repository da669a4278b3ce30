#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "domain/time_left.h"

namespace rollcall::cli {

// How long a queue of videos will yet take, from what others took.
//
// A video takes its size times a rate, give or take. The rate is the ratio of what is known; the
// videos that wait go to the workers in their order, each to the one that is free first. p90 is the
// prediction interval of that sum: what each video may differ by, and what the rate may be wrong by
// because it is of few (Cochran, Sampling Techniques, 2.9 and 6.4; Student's t for few).
//
// Pure, not thread-safe.
class QueueEstimate {
 public:
  // Videos that are worked on at a time, at least 1.
  explicit QueueEstimate(int slots);

  // Of a video that took `seconds` of work in all or, of one that is worked on, will.
  void Measure(double bytes, double seconds);

  struct Running {
    double bytes = 0;
    std::optional<domain::TimeLeft> left;  // Nullopt: it has only begun.
  };
  // Nullopt before anything is measured. Both are 0 where nothing is left.
  std::optional<domain::TimeLeft> Left(const std::vector<Running>& running,
                                       const std::vector<double>& waiting_bytes) const;
  // What a video of this size takes; 0 before anything is measured.
  double SecondsOf(double bytes) const;

 private:
  struct Measured {
    double bytes = 0;
    double seconds = 0;
  };
  // Of one video's time, relative to what its size says.
  double Variance() const;

  const std::size_t slots_;
  std::vector<Measured> measured_;
  double bytes_ = 0;    // Of all measured.
  double seconds_ = 0;  // That they took.
};

}  // namespace rollcall::cli
