#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vault/vault.h"

namespace rollcall::vault {

// A vault for one test, with whatever it lives in. Its clock is far enough ahead that what was just
// written counts as settled.
class VaultHome {
 public:
  virtual ~VaultHome() = default;
  virtual Vault& vault() = 0;
  // As somebody else does, behind the vault's back: other bytes under a path that is there.
  virtual void Overwrite(const std::string& path, const std::string& bytes) = 0;
  // From now on the file is there and cannot be read by who made this home.
  virtual void Deny(const std::string& path) = 0;
  // How many files Verify and Adopt have read so far.
  virtual int reads() = 0;
};
using MakeHome = std::function<std::unique_ptr<VaultHome>()>;

// What every Vault has to do, as tests over any of them.
class VaultContract : public testing::TestWithParam<MakeHome> {
 protected:
  VaultContract();
  ~VaultContract() override;
  void SetUp() override { home_ = GetParam()(); }

  Vault& vault() { return home_->vault(); }

  std::filesystem::path Staged(const std::string& path) const { return staging_ / path; }
  // Puts a file into the staging folder, as a worker does, and describes it.
  StoredFile Stage(const std::string& path, const std::string& bytes);
  // The same of one that is there: a file or a folder.
  StoredFile Describe(const std::string& path) const;
  base::Result<void> Adopt(const std::vector<StoredFile>& files);
  // Stages and adopts; it must do.
  StoredFile Keep(const std::string& path, const std::string& bytes);
  StoredFile KeepFolder(const std::string& path);  // Of one.jpg ("1") and two.jpg ("22").

  std::string Read(const std::string& path);  // By way of Fetch; "no <error code>" if it cannot be.
  bool IsThere(const std::string& path);
  std::vector<std::string> NamesIn(const std::string& folder);  // Sorted.

  const std::filesystem::path root_;
  const std::filesystem::path staging_ = root_ / "staging";
  std::unique_ptr<VaultHome> home_;
};

// "a.g7 is not there" of what was found corrupt; other errors as a whole; "" of a good one.
template <typename T>
std::string Wrong(const base::Result<T>& result) {
  if (result.ok()) return "";
  const base::Error& error = result.error();
  return error.reason == "ERR_ARTIFACT_CORRUPT" ? error.message : error.ToString();
}

}  // namespace rollcall::vault
