#include "vault/testing/bucket_vault.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "vault/testing/vault_contract.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;

class BucketHome final : public VaultHome {
 public:
  ~BucketHome() override { fs::remove_all(cache_); }
  Vault& vault() override { return vault_; }
  void Overwrite(const std::string& path, const std::string& bytes) override {
    vault_.Put(path, bytes);
  }
  void Deny(const std::string& path) override { vault_.Deny(path); }
  int reads() override { return vault_.reads(); }

 private:
  const fs::path cache_ = fs::temp_directory_path() / ("rollcall-bucket-" + base::RandomId());
  base::SystemClock clock_;
  BucketVault vault_{cache_, clock_};
};

INSTANTIATE_TEST_SUITE_P(Bucket, VaultContract,
                         testing::Values(MakeHome([] { return std::make_unique<BucketHome>(); })),
                         [](const auto&) { return std::string("Vault"); });

}  // namespace
}  // namespace rollcall::vault
