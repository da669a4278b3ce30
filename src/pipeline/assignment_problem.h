#pragma once

#include <vector>

namespace rollcall::pipeline {

// Costs of giving row i column j; a cost of kForbidden is never chosen.
class CostMatrix {
 public:
  static constexpr float kForbidden = 1e6F;

  CostMatrix(int rows, int columns)
      : rows_(rows),
        columns_(columns),
        costs_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns), kForbidden) {}

  int rows() const { return rows_; }
  int columns() const { return columns_; }
  float& At(int row, int column) { return costs_[Index(row, column)]; }
  float At(int row, int column) const { return costs_[Index(row, column)]; }

 private:
  std::size_t Index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
  }
  int rows_;
  int columns_;
  std::vector<float> costs_;
};

// The column of each row, -1 for none, so that as few rows as possible go without and the sum of
// costs is least. Hungarian algorithm with potentials, O(rows² · columns) (Kuhn 1955; Jonker and
// Volgenant 1987).
std::vector<int> SolveAssignment(const CostMatrix& costs);

}  // namespace rollcall::pipeline
