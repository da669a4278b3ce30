#include "app/engine_life.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>

#include <atomic>
#include <memory>
#include <thread>

#include "store/memory/memory_store.h"
#include "store/testing/faulty_store.h"

namespace rollcall::app {
namespace {

class EngineLifeTest : public ::testing::Test {
 protected:
  std::unique_ptr<EngineLife> Begin(EngineLife::Kind kind) {
    return std::move(
               EngineLife::Create(
                   kind, [this] { return IsNeeded(); }, [this] { return has_lost_ground_.load(); }))
        .value();
  }
  // Like an engine that asks its store.
  base::Result<bool> IsNeeded() {
    ++looks_;
    ROLLCALL_TRY_ASSIGN(const bool has_open_jobs, store_.HasOpenJobs());
    return has_open_jobs || is_needed_;
  }
  static int DeathSignal() {
    int number = 0;
    ::prctl(PR_GET_PDEATHSIG, &number);
    return number;
  }
  std::atomic<bool> is_needed_{false};
  std::atomic<bool> is_store_failing_{false};
  std::atomic<int> looks_{0};
  base::SystemClock clock_;
  store::FaultyStore store_{
      std::make_unique<store::MemoryStore>(store::StoreClock{clock_}),
      [this](std::string_view, auto) {
        const base::Error error{base::ErrorCode::kUnavailable, "ERR_IO", "on purpose", ""};
        return is_store_failing_ ? std::optional(error) : std::nullopt;
      }};
  std::atomic<bool> has_lost_ground_{false};
};

TEST_F(EngineLifeTest, EndsWhenItHasLostItsGroundWhoeverNeedsIt) {
  for (const auto kind : {EngineLife::Kind::kForeground, EngineLife::Kind::kChild}) {
    const auto life = Begin(kind);
    is_needed_ = true;
    life->SetClientCount(1);
    has_lost_ground_ = true;
    life->Run();
    EXPECT_TRUE(life->is_ending());
  }
}

TEST_F(EngineLifeTest, EndsInTheForegroundAtASignalOnly) {
  const auto life = Begin(EngineLife::Kind::kForeground);
  std::thread others([&] {
    EXPECT_TRUE(life->Leave());
    life->SetClientCount(0);
    ::kill(::getpid(), SIGTERM);
  });
  life->Run();
  others.join();
  EXPECT_TRUE(life->is_ending());
}

TEST_F(EngineLifeTest, EndsWithItsCommandWhenNobodyNeedsIt) {
  const auto life = Begin(EngineLife::Kind::kChild);
  life->SetClientCount(1);
  bool stays = true;
  std::thread command([&] { stays = life->Leave(); });
  life->Run();
  command.join();
  EXPECT_FALSE(stays);
}

TEST_F(EngineLifeTest, StaysForAnOpenJobAndEndsAfterIt) {
  const auto life = Begin(EngineLife::Kind::kChild);
  is_needed_ = true;
  life->SetClientCount(1);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  bool stays = false;
  std::thread command([&] {
    stays = life->Leave();
    life->SetClientCount(0);
    is_needed_ = false;
    life->LookAgain();
  });
  life->Run();
  command.join();
  EXPECT_TRUE(stays);
  EXPECT_EQ(DeathSignal(), 0);
}

// One read that failed ended an engine whose jobs were open.
TEST_F(EngineLifeTest, StaysWhileItCannotFindOutWhetherAJobIsOpen) {
  const auto life = Begin(EngineLife::Kind::kChild);
  is_store_failing_ = true;
  life->SetClientCount(1);
  bool stays = false;
  bool is_ending = true;
  std::thread command([&] {
    stays = life->Leave();
    life->SetClientCount(0);
    const int seen = looks_;
    while (looks_ < seen + 2 && !life->is_ending()) life->LookAgain();
    is_ending = life->is_ending();
    is_store_failing_ = false;
    life->LookAgain();
  });
  life->Run();
  command.join();
  EXPECT_TRUE(stays);
  EXPECT_FALSE(is_ending);
}

TEST_F(EngineLifeTest, StaysForAnotherClient) {
  const auto life = Begin(EngineLife::Kind::kChild);
  life->SetClientCount(2);
  bool stays = false;
  std::thread others([&] {
    stays = life->Leave();
    life->SetClientCount(1);
    life->SetClientCount(0);
  });
  life->Run();
  others.join();
  EXPECT_TRUE(stays);
}

TEST_F(EngineLifeTest, CutsTheTieWhenItIsDetached) {
  const auto life = Begin(EngineLife::Kind::kChild);
  is_needed_ = true;
  life->SetClientCount(1);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::thread command([&] {
    life->Detach();
    is_needed_ = false;
    life->SetClientCount(0);
  });
  life->Run();
  command.join();
  EXPECT_EQ(DeathSignal(), 0);
}

}  // namespace
}  // namespace rollcall::app
