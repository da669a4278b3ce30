#include "store/sqlite/testing/sqlite_home.h"

#include "base/random.h"

namespace rollcall::store {

TempFolder::TempFolder()
    : path_(std::filesystem::temp_directory_path() / ("rollcall-store-" + base::RandomId())) {
  std::filesystem::create_directories(path_);
}

TempFolder::~TempFolder() {
  std::error_code ignored;  // A folder that stays behind is no failure of the test.
  std::filesystem::remove_all(path_, ignored);
}

SqliteHome::SqliteHome(std::string vfs)
    : clock_{.clock = own_clock_, .boot_id = "boot of the store"}, vfs_(std::move(vfs)) {
  Reopen();
}

SqliteHome::SqliteHome(const StoreClock& clock, std::string vfs)
    : clock_(clock), vfs_(std::move(vfs)) {
  Reopen();
}

void SqliteHome::Reboot(const std::string& boot_id) {
  clock_.boot_id = boot_id;
  Reopen();
}

void SqliteHome::Reopen() {
  Close();
  store_ = std::move(SqliteStore::Open({.path = folder_.db(), .vfs = vfs_}, clock_)).value();
}

}  // namespace rollcall::store
