#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace rollcall::compose {

// Half-open, in milliseconds of the episode.
struct TruthInterval {
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;

  std::int64_t length_ms() const { return end_ms - start_ms; }
};

// Where a face is (or, without a marked face, the picture that shows it) at one time, in pixels of
// the frame.
struct TruthKey {
  std::int64_t t_ms = 0;
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

// One person in one shot, or in a part of it. Between two keys the place is linear.
struct TruthPlace {
  TruthInterval when;
  bool is_hidden = false;      // Half of the face or more is covered, or faded: not seen.
  std::vector<TruthKey> keys;  // Ascending; the first at the shot's start, the last at its end.

  // The place at `t_ms`, which lies in `when`.
  TruthKey At(std::int64_t t_ms) const;
};

struct TruthPerson {
  std::string id;
  std::int64_t seen_ms = 0;
  std::vector<TruthInterval> intervals;  // Ascending; shots that adjoin are one interval.
  std::vector<TruthPlace> places;        // One per shot.
};

// Who is on screen in a composed episode, when and where.
struct Truth {
  int width = 0;
  int height = 0;
  double frames_per_second = 0;  // 0: variable.
  std::int64_t frames = 0;
  std::int64_t duration_ms = 0;
  std::vector<std::int64_t> cuts_ms;  // Where the second and every later shot begins.
  std::vector<TruthPerson> people;    // In order of appearance.

  // Adds one shot's person; finds the person by id or adds it. A hidden one is not seen then.
  void AddPlace(const std::string& id, TruthPlace place);
};

base::Json TruthToJson(const Truth& truth);
// kDataLoss / ERR_BAD_JSON or ERR_ARTIFACT_CORRUPT.
base::Result<Truth> TruthFromJson(const base::Json& json);
base::Result<Truth> ReadTruth(const std::filesystem::path& path);

}  // namespace rollcall::compose
