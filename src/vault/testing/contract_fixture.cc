#include "vault/testing/contract_fixture.h"

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "base/random.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;

}  // namespace

VaultContract::VaultContract()
    : root_(fs::temp_directory_path() / ("rollcall-vault-" + base::RandomId())) {
  fs::create_directories(staging_);
}

VaultContract::~VaultContract() {
  home_.reset();
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

StoredFile VaultContract::Stage(const std::string& path, const std::string& bytes) {
  fs::create_directories(Staged(path).parent_path());
  std::ofstream(Staged(path)) << bytes;
  return Describe(path);
}

StoredFile VaultContract::Describe(const std::string& path) const {
  const auto digest = base::DigestFile(Staged(path)).value();
  return {.path = path, .size_bytes = digest.size_bytes, .sha256 = digest.sha256};
}

base::Result<void> VaultContract::Adopt(const std::vector<StoredFile>& files) {
  return vault().Adopt({.staging = staging_, .files = files, .what = Finished::kResult});
}

StoredFile VaultContract::Keep(const std::string& path, const std::string& bytes) {
  StoredFile file = Stage(path, bytes);
  EXPECT_EQ(Wrong(Adopt({file})), "");
  return file;
}

StoredFile VaultContract::KeepFolder(const std::string& path) {
  Stage(path + "/one.jpg", "1");
  Stage(path + "/two.jpg", "22");
  StoredFile folder = Describe(path);
  EXPECT_EQ(Wrong(Adopt({folder})), "");
  return folder;
}

std::string VaultContract::Read(const std::string& path) {
  const auto here = vault().Fetch(path);
  const auto text = here.ok() ? base::ReadFile(*here) : here.error();
  return text.ok() ? *text : "no " + std::string(base::ErrorCodeName(text.error().code));
}

bool VaultContract::IsThere(const std::string& path) {
  const auto entry = vault().Look(path);
  EXPECT_TRUE(entry.ok()) << entry.error().ToString();
  return entry.ok() && entry->has_value();
}

std::vector<std::string> VaultContract::NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  const auto listed = vault().List(folder, [&](const Entry& entry) {
    names.push_back(entry.name);
    return true;
  });
  EXPECT_EQ(Wrong(listed), "");
  std::ranges::sort(names);
  return names;
}

}  // namespace rollcall::vault
