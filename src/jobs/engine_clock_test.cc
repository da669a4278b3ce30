#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/testing/faulty_store.h"

namespace rollcall::jobs {
namespace {

class EngineClockTest : public EngineTest {};

// Goes ahead by a day at every other reading.
class SwingingClock final : public base::Clock {
 public:
  base::Instant Now() override {
    base::Instant now = system_.Now();
    if (readings_++ % 2 == 1) now.wall += std::chrono::hours{24};
    return now;
  }

 private:
  base::SystemClock system_;
  std::atomic<int> readings_{0};
};

class RetryWatch final : public store::FaultyStore {
 public:
  RetryWatch(std::unique_ptr<store::JobStore> inner, std::atomic<std::int64_t>& delay_ms)
      : store::FaultyStore(std::move(inner), [](auto, auto) { return std::nullopt; }),
        delay_ms_(delay_ms) {}
  base::Result<void> TaskEnd(const store::Fence& fence, const store::AttemptEnd& end) override {
    auto ended = inner().TaskEnd(fence, end);
    const auto view = inner().RunLatest({"episode", "x"}, "detect").value();
    if (view->run.retry_due) {
      const auto delay = view->run.retry_due->at - base::SystemClock().Now().boot;
      delay_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(delay).count();
    }
    return ended;
  }

 private:
  std::atomic<std::int64_t>& delay_ms_;
};

// Neither the engine's wall clock nor the store's has a say in when a retry is due.
TEST_F(EngineClockTest, AWallClockThatJumpsAsAnAttemptFailsDoesNotPutOffTheRetryByADay) {
  std::atomic<std::int64_t> delay_ms{0};
  SwingingClock clock;
  MakeStore(clock);
  store_ = std::make_unique<RetryWatch>(std::move(store_), delay_ms);
  auto engine = Engine::Create(FakeEngineOptions(data_dir_), *store_, clock);
  ASSERT_TRUE(engine.ok());
  engine_ = std::move(engine).value();
  ASSERT_TRUE(engine_->StartWorking().ok());
  SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "transient"}, {"times", 1}}));
  ASSERT_TRUE(Eventually([&] { return delay_ms != 0; }));
  EXPECT_GT(delay_ms, 0);
  EXPECT_LE(delay_ms, RuntimeTimes{}.retry_first.count());
  engine_.reset();
}

}  // namespace
}  // namespace rollcall::jobs
