#include "worker/worker_link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

namespace rollcall::worker {
namespace {

// What the kernel does to one thread only has to be done on this one too.
TEST(WorkerLinkTest, RunsWhatItIsGivenOnItsOwnThread) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const base::UniqueFd agent(ends[0]);
  WorkerLink link{base::UniqueFd(ends[1])};
  std::array<std::thread::id, 2> ran_on{};
  for (std::thread::id& id : ran_on) link.DoOnThread([&] { id = std::this_thread::get_id(); });
  EXPECT_EQ(ran_on[0], ran_on[1]);
  EXPECT_NE(ran_on[0], std::thread::id());
  EXPECT_NE(ran_on[0], std::this_thread::get_id());
}

}  // namespace
}  // namespace rollcall::worker
