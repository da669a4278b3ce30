#include "pipeline/assignment_problem.h"

#include <algorithm>
#include <limits>

namespace rollcall::pipeline {
namespace {

// Square and 1-based inside, as the algorithm is usually written: row 0 and column 0 are virtual.
class Solver {
 public:
  explicit Solver(const CostMatrix& costs)
      : costs_(costs),
        size_(static_cast<std::size_t>(std::max(costs.rows(), costs.columns()))),
        row_potential_(size_ + 1, 0.0),
        column_potential_(size_ + 1, 0.0),
        row_of_(size_ + 1, 0) {}

  std::vector<int> Solve() {
    for (std::size_t row = 1; row <= size_; ++row) Augment(row);
    std::vector<int> columns(static_cast<std::size_t>(costs_.rows()), -1);
    for (std::size_t column = 1; column <= size_; ++column) {
      const int i = static_cast<int>(row_of_[column]) - 1;
      const int j = static_cast<int>(column) - 1;
      if (i < costs_.rows() && j < costs_.columns() && costs_.At(i, j) < CostMatrix::kForbidden) {
        columns[static_cast<std::size_t>(i)] = j;
      }
    }
    return columns;
  }

 private:
  double Cost(std::size_t row, std::size_t column) const {
    const int i = static_cast<int>(row) - 1;
    const int j = static_cast<int>(column) - 1;
    return i < costs_.rows() && j < costs_.columns() ? costs_.At(i, j) : CostMatrix::kForbidden;
  }

  // Finds the shortest augmenting path that gives `row` a column.
  void Augment(std::size_t row) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    std::vector<double> slack(size_ + 1, kInfinity);
    std::vector<std::size_t> before(size_ + 1, 0);
    std::vector<bool> is_visited(size_ + 1, false);
    row_of_[0] = row;
    std::size_t column = 0;
    do {
      is_visited[column] = true;
      const std::size_t at = row_of_[column];
      double least = kInfinity;
      std::size_t next = 0;
      for (std::size_t j = 1; j <= size_; ++j) {
        if (is_visited[j]) continue;
        const double reduced = Cost(at, j) - row_potential_[at] - column_potential_[j];
        if (reduced < slack[j]) {
          slack[j] = reduced;
          before[j] = column;
        }
        if (slack[j] < least) {
          least = slack[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= size_; ++j) {
        if (is_visited[j]) {
          row_potential_[row_of_[j]] += least;
          column_potential_[j] -= least;
        } else {
          slack[j] -= least;
        }
      }
      column = next;
    } while (row_of_[column] != 0);
    for (; column != 0; column = before[column]) row_of_[column] = row_of_[before[column]];
  }

  const CostMatrix& costs_;
  std::size_t size_;
  std::vector<double> row_potential_;
  std::vector<double> column_potential_;
  std::vector<std::size_t> row_of_;
};

}  // namespace

std::vector<int> SolveAssignment(const CostMatrix& costs) {
  if (costs.rows() == 0) return {};
  if (costs.columns() == 0) return std::vector<int>(static_cast<std::size_t>(costs.rows()), -1);
  return Solver(costs).Solve();
}

}  // namespace rollcall::pipeline
