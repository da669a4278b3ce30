#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "artifacts/parquet.h"
#include "base/mutex.h"

namespace rollcall::artifacts {

// The cells of one column of some rows, in the order of the rows.
struct ColumnCells {
  std::vector<std::uint8_t> is_null;  // One per row.
  std::string fixed;                  // Values of a fixed size, back to back; zeros for null.
  std::string text;                   // kText: the texts, back to back …
  std::vector<float> floats;          // kFloatList: the elements of all lists …
  std::vector<std::size_t> ends;      // … and where each row's ends.
};

struct RowBatch {
  std::size_t rows = 0;
  std::vector<ColumnCells> columns;
};

// Hands batches from the thread that makes rows to the one that DuckDB's COPY runs in; holds one.
// Thread-safe.
class RowPipe {
 public:
  // Waits until there is room, then takes the batch and gives back an empty one. False when the
  // reader has ended: nobody will read the batch.
  bool Push(RowBatch& batch);
  // No more rows follow: all there were (kComplete), or the rest is not coming (kAbandoned).
  enum class End { kNone, kComplete, kAbandoned };
  void Close(End end);

  // Waits for a batch. Anything but kNone: there is none, and that is why.
  End Pull(RowBatch& batch);
  void EndReading();

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  RowBatch batch_ ROLLCALL_GUARDED_BY(mutex_);
  bool is_full_ ROLLCALL_GUARDED_BY(mutex_) = false;
  bool has_reader_ ROLLCALL_GUARDED_BY(mutex_) = true;
  End end_ ROLLCALL_GUARDED_BY(mutex_) = End::kNone;
};

}  // namespace rollcall::artifacts
