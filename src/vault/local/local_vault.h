#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "base/held_folder.h"
#include "base/result.h"
#include "vault/local/verified_files.h"
#include "vault/vault.h"

namespace rollcall::vault {

// A vault that is a folder of this host, the data directory: what is adopted is renamed, Fetch
// gives the file itself, a link is a relative symbolic one, so that the folder can be moved as a
// whole.
//
// It is the folder that was opened, not the path: what it writes, removes or lists never comes into
// or from a folder that has taken its place. While it is away from its path nothing is called
// missing or corrupt, and no path is given: that is the error (ERR_DATA_DIRECTORY_MOVED).
//
// What Verify remembers lives in memory only, as long as this object does (verified_files.h): it
// was seen by this process on this boot. On disk it would be believed after a crash of the host or
// on a copy of the folder, when there is most to look for.
//
// Thread-safe. Borrows `root`, whose path is absolute, and `clock`; both must outlive it.
class LocalVault final : public Vault {
 public:
  LocalVault(const base::HeldFolder& root, base::Clock& clock);
  // `read` reads a file or folder as base::DigestFile does.
  LocalVault(const base::HeldFolder& root, base::Clock& clock, base::DigestFunction read);

  base::Result<void> Adopt(const Adoption& adoption) override;
  base::Result<std::filesystem::path> Fetch(std::string_view path) override;
  base::Result<std::filesystem::path> Shelf(std::string_view prefix) override;
  base::Result<void> Verify(const StoredFile& file, Depth depth) override;
  base::Result<void> Link(std::string_view name, std::string_view path) override;
  base::Result<std::optional<std::string>> LinkTarget(std::string_view name) override;
  base::Result<std::optional<Entry>> Look(std::string_view path) override;
  base::Result<void> List(std::string_view folder, const Take& take) override;
  base::Result<void> Remove(std::string_view path) override;

 private:
  base::Result<void> Move(const std::filesystem::path& staging, const std::string& path) const;
  base::Result<void> CheckMoved(const Adoption& adoption) const;
  // To write and remove by: wherever the folder is now, for this process only.
  std::filesystem::path Held(std::string_view path) const { return root_.held_path() / path; }
  template <typename T>
  base::Result<T> Told(base::Result<T> result) const;

  const base::HeldFolder& root_;
  const base::DigestFunction read_;
  VerifiedFiles verified_;
};

}  // namespace rollcall::vault
