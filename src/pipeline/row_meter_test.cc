#include "pipeline/row_meter.h"

#include <gtest/gtest.h>

#include "pipeline/testing/fake_context.h"

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::FakeContext;

TEST(RowMeterTest, SaysAtOnceHowMuchThereIsToDo) {
  FakeContext context({});
  const RowMeter meter(context, 500);
  EXPECT_EQ(context.last_progress.done, 0);
  EXPECT_EQ(context.last_progress.total, 500);
  EXPECT_EQ(context.last_progress.unit, "rows");
}

TEST(RowMeterTest, IsNeverFarBehindAndExactAtTheEndOfAPass) {
  FakeContext context({});
  RowMeter meter(context, 500);
  for (int i = 1; i <= 450; ++i) {
    ASSERT_TRUE(meter.Advance(1, milliseconds{i}).ok());
    EXPECT_LT(i - context.last_progress.done, 64);
  }
  ASSERT_TRUE(meter.AdvanceTo(500).ok());
  EXPECT_EQ(context.last_progress.done, 500);
  EXPECT_EQ(context.last_progress.position, milliseconds{450});
}

TEST(RowMeterTest, NeverGoesBack) {
  FakeContext context({});
  RowMeter meter(context, 500);
  ASSERT_TRUE(meter.AdvanceTo(300).ok());
  ASSERT_TRUE(meter.AdvanceTo(200).ok());
  EXPECT_EQ(context.last_progress.done, 300);
}

TEST(RowMeterTest, IsNeverBeyondTheTotal) {
  FakeContext context({});
  RowMeter meter(context, 100);
  meter.Expect(50);
  ASSERT_TRUE(meter.AdvanceTo(120).ok());
  EXPECT_EQ(context.last_progress.total, 150);
  ASSERT_TRUE(meter.AdvanceTo(200).ok());
  EXPECT_EQ(context.last_progress.total, 200);
}

TEST(RowMeterTest, EveryStepAsksWhetherToStop) {
  FakeContext context({});
  RowMeter meter(context, 500);
  ASSERT_TRUE(meter.Advance().ok());
  context.StopAfterSegments(0);
  const auto stopped = meter.Advance();
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, base::ErrorCode::kCancelled);
  EXPECT_FALSE(meter.Advance(0).ok());
}

}  // namespace
}  // namespace rollcall::pipeline
