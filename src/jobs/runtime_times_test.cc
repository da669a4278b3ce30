#include "jobs/runtime_times.h"

#include <gtest/gtest.h>

#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

using std::chrono::milliseconds;

TEST(RuntimeTimesTest, AreAllDivided) {
  const RuntimeTimes divided = RuntimeTimes{}.DividedBy(50);
  for (const RuntimeTimeField& field : kRuntimeTimeFields) {
    EXPECT_EQ(divided.*field.member, RuntimeTimes{}.*field.member / 50) << field.name;
  }
  // A constant that the table has forgotten would be missing here.
  EXPECT_EQ(sizeof(RuntimeTimes), kRuntimeTimeFields.size() * sizeof(milliseconds));
}

TEST(RuntimeTimesTest, AreAllowedAsTheyAreAndDivided) {
  EXPECT_TRUE(RuntimeTimes{}.Check().ok());
  EXPECT_TRUE(RuntimeTimes{}.DividedBy(50).Check().ok());
}

TEST(RuntimeTimesTest, AreRefusedWhenTheyContradictEachOther) {
  const auto refusal = [](auto change) {
    RuntimeTimes times;
    change(times);
    const auto checked = times.Check();
    return checked.ok() ? "" : checked.error().reason;
  };
  const std::string bad(domain::reason::kBadConfig);
  EXPECT_EQ(refusal([](RuntimeTimes& times) { times.pulse = milliseconds{0}; }), bad);
  EXPECT_EQ(refusal([](RuntimeTimes& times) { times.renew = times.lease / 2; }), bad);
  EXPECT_EQ(refusal([](RuntimeTimes& times) { times.self_fence = times.lease; }), bad);
  EXPECT_EQ(refusal([](RuntimeTimes& times) { times.silence = times.lease; }), bad);
  EXPECT_EQ(refusal([](RuntimeTimes& times) { times.silence = times.pulse; }), bad);
  EXPECT_EQ(refusal([](RuntimeTimes& times) { times.cancel_term = times.cancel_kill * 2; }), bad);
  EXPECT_EQ(refusal([](RuntimeTimes& times) { times.retry_first = times.retry_max * 2; }), bad);
  EXPECT_EQ(refusal([](RuntimeTimes& times) { times.projection_min = times.projection_max * 2; }),
            bad);
}

}  // namespace
}  // namespace rollcall::jobs
