#include "store/memory/memory_store.h"

#include <gtest/gtest.h>

#include "store/testing/job_store_contract.h"

namespace rollcall::store {
namespace {

class MemoryHome final : public StoreHome {
 public:
  JobStore& store() override { return store_; }

 private:
  MemoryStore store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, JobStoreContract,
                         testing::Values(MakeHome([] { return std::make_unique<MemoryHome>(); })),
                         [](const auto&) { return std::string("Store"); });
INSTANTIATE_TEST_SUITE_P(Memory, PoisonContract,
                         testing::Values(MakeHome([] { return std::make_unique<MemoryHome>(); })),
                         [](const auto&) { return std::string("Store"); });

}  // namespace
}  // namespace rollcall::store
