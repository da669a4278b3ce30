#pragma once

#include <filesystem>
#include <memory>

#include "store/sqlite/sqlite_store.h"
#include "store/testing/contract_fixture.h"

namespace rollcall::store {

// A folder of its own that goes with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path db() const { return path_ / "rollcall.db"; }

 private:
  std::filesystem::path path_;
};

// An SqliteStore in a TempFolder, that can be closed and opened again.
class SqliteHome final : public StoreHome {
 public:
  explicit SqliteHome(std::string vfs = {});  // With a clock of its own, that stands still.
  SqliteHome(const StoreClock& clock, std::string vfs);

  JobStore& store() override { return *store_; }
  void Reboot(const std::string& boot_id) override;
  base::FakeClock& own_clock() { return own_clock_; }
  const TempFolder& folder() const { return folder_; }
  void Close() { store_.reset(); }
  void Reopen();

 private:
  base::FakeClock own_clock_;
  TempFolder folder_;
  StoreClock clock_;
  std::string vfs_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace rollcall::store
