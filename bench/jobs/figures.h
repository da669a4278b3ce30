#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace rollcall::bench {

// What the machine needs for the simplest thing of a kind, measured beside the figures: their
// ratio to it says the same on another machine.
struct Yardstick {
  double sync_s = 0;  // Appending 4 KiB to a file and syncing it.
  double hash_s = 0;  // SHA-256 of a MiB.
};
// Medians; on the disk of `folder`.
Yardstick MeasureYardstick(const std::filesystem::path& folder);

// How long one of something takes.
struct Figure {
  enum class Against { kSync, kHash };

  std::string name;       // "submit a job"
  std::string size_of;    // What it may grow with: "episodes", "leases".
  std::int64_t size = 0;  // Of that.
  double seconds = 0;
  Against against = Against::kSync;
};

// The table of figures, printed line by line as they come, and the same as a document.
class FigureTable {
 public:
  void PrintHeading() const;
  void Add(const Figure& figure, const Yardstick& yardstick);
  const base::Json& rows() const { return rows_; }

 private:
  // How many times as long as at the first size it was measured at.
  double Growth(const Figure& figure) const;

  std::vector<Figure> figures_;
  base::Json rows_ = base::Json::array();
};

}  // namespace rollcall::bench
