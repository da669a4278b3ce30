#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/result.h"
#include "store/sqlite/database.h"
#include "store/sqlite/sqlite_ledger.h"

namespace rollcall::store {

// A look at the whole store that may take minutes, on a connection of its own: nobody's read or
// write waits for it, and it reads the file instead of what another connection has in memory.
//
// While one of its transactions lasts, the write-ahead log cannot begin anew. It is given up when
// the log has grown too much meanwhile: a check never fills the disk.
//
// Not thread-safe; any number at a time.
class StoreCheck {
 public:
  struct Options {
    std::filesystem::path path;
    std::string vfs = {};
    Database::Access access = Database::Access::kRead;
    std::int64_t log_growth_bytes_max = 0;
    // Called every few megabytes, on the thread of the check. Tests hold a check open with it.
    std::function<void()> watch = {};
  };
  // Errors as Database::Open.
  static base::Result<std::unique_ptr<StoreCheck>> Open(const Options& options);
  StoreCheck(const StoreCheck&) = delete;
  StoreCheck& operator=(const StoreCheck&) = delete;

  // Each kUnavailable / ERR_STORE_UNAVAILABLE when it was given up.

  // What SQLite can say of its file. kDataLoss / ERR_STORE_DAMAGED with what is wrong.
  base::Result<void> CheckFile();
  // One transaction that reads.
  base::Result<void> Read(const std::function<base::Result<void>(Ledger&)>& body);

 private:
  StoreCheck(std::unique_ptr<Database> database, const Options& options);

  // As SQLite calls it: not 0 ends what is read.
  static int OnProgress(void* self);
  bool IsLogTooLong() const;
  base::Result<void> CheckPages();
  base::Result<void> CheckReferences();
  base::Result<void> UnlessGivenUp(base::Result<void> result) const;

  const Options options_;
  const std::unique_ptr<Database> database_;
  const std::filesystem::path log_;  // Beside the file itself, not beside a link to it.
  const std::uintmax_t log_bytes_at_first_;
  bool is_given_up_ = false;
  SqliteLedger ledger_;
};

}  // namespace rollcall::store
