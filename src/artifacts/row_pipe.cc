#include "artifacts/row_pipe.h"

#include <utility>

namespace rollcall::artifacts {
namespace {

// Keeps the memory for the next rows.
void Clear(RowBatch& batch) {
  batch.rows = 0;
  for (ColumnCells& cells : batch.columns) {
    cells.is_null.clear();
    cells.fixed.clear();
    cells.text.clear();
    cells.floats.clear();
    cells.ends.clear();
  }
}

}  // namespace

bool RowPipe::Push(RowBatch& batch) {
  {
    const base::MutexLock lock(mutex_);
    while (is_full_ && has_reader_) changed_.Wait(mutex_);
    if (!has_reader_) return false;
    batch_.columns.resize(batch.columns.size());
    std::swap(batch_, batch);
    is_full_ = true;
    changed_.NotifyAll();
  }
  Clear(batch);
  return true;
}

void RowPipe::Close(End end) {
  const base::MutexLock lock(mutex_);
  if (end_ == End::kNone) end_ = end;
  changed_.NotifyAll();
}

RowPipe::End RowPipe::Pull(RowBatch& batch) {
  const base::MutexLock lock(mutex_);
  while (!is_full_ && end_ == End::kNone) changed_.Wait(mutex_);
  if (end_ == End::kAbandoned) return End::kAbandoned;
  if (!is_full_) return end_;
  std::swap(batch_, batch);
  is_full_ = false;
  changed_.NotifyAll();
  return End::kNone;
}

void RowPipe::EndReading() {
  const base::MutexLock lock(mutex_);
  has_reader_ = false;
  changed_.NotifyAll();
}

}  // namespace rollcall::artifacts
