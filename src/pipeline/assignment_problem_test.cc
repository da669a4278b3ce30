#include "pipeline/assignment_problem.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace rollcall::pipeline {
namespace {

float TotalOf(const CostMatrix& costs, const std::vector<int>& columns) {
  float total = 0;
  for (int i = 0; i < costs.rows(); ++i) {
    const int j = columns[static_cast<std::size_t>(i)];
    if (j >= 0) total += costs.At(i, j);
  }
  return total;
}

TEST(AssignmentProblemTest, IsAsCheapAsTheBestOfAllPermutations) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> cost(0, 1);
  for (int round = 0; round < 50; ++round) {
    CostMatrix costs(5, 5);
    for (int i = 0; i < 5; ++i) {
      for (int j = 0; j < 5; ++j) costs.At(i, j) = cost(random);
    }
    std::vector<int> order(5);
    std::iota(order.begin(), order.end(), 0);
    float best = 1e9F;
    do {
      best = std::min(best, TotalOf(costs, order));
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_NEAR(TotalOf(costs, SolveAssignment(costs)), best, 1e-4F);
  }
}

TEST(AssignmentProblemTest, NeverChoosesAForbiddenPair) {
  CostMatrix costs(2, 3);
  costs.At(0, 1) = 0.5F;
  const std::vector<int> columns = SolveAssignment(costs);
  EXPECT_EQ(columns, (std::vector<int>{1, -1}));
}

TEST(AssignmentProblemTest, HandlesMoreRowsThanColumnsAndNone) {
  CostMatrix costs(3, 1);
  costs.At(0, 0) = 0.9F;
  costs.At(1, 0) = 0.1F;
  costs.At(2, 0) = 0.5F;
  EXPECT_EQ(SolveAssignment(costs), (std::vector<int>{-1, 0, -1}));
  EXPECT_TRUE(SolveAssignment(CostMatrix(0, 3)).empty());
  EXPECT_EQ(SolveAssignment(CostMatrix(2, 0)), (std::vector<int>{-1, -1}));
}

}  // namespace
}  // namespace rollcall::pipeline
