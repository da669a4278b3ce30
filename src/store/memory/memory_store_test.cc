#include "store/memory/memory_store.h"

#include <gtest/gtest.h>

#include "store/testing/job_store_contract.h"

namespace rollcall::store {
namespace {

class MemoryHome final : public StoreHome {
 public:
  explicit MemoryHome(const StoreClock& clock) : store_(clock) {}
  JobStore& store() override { return store_; }
  void Reboot(const std::string& boot_id) override { store_.Reboot(boot_id); }

 private:
  MemoryStore store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, JobStoreContract,
                         testing::Values(MakeHome([](const StoreClock& clock) {
                           return std::make_unique<MemoryHome>(clock);
                         })),
                         [](const auto&) { return std::string("Store"); });
INSTANTIATE_TEST_SUITE_P(Memory, PoisonContract,
                         testing::Values(MakeHome([](const StoreClock& clock) {
                           return std::make_unique<MemoryHome>(clock);
                         })),
                         [](const auto&) { return std::string("Store"); });
INSTANTIATE_TEST_SUITE_P(Memory, EditContract,
                         testing::Values(MakeHome([](const StoreClock& clock) {
                           return std::make_unique<MemoryHome>(clock);
                         })),
                         [](const auto&) { return std::string("Store"); });

}  // namespace
}  // namespace rollcall::store
