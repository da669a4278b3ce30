#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "store/ledger_store.h"
#include "store/sqlite/database.h"
#include "store/sqlite/sqlite_ledger.h"

namespace rollcall::store {

// The JobStore of one machine: an SQLite file in WAL mode with synchronous FULL, so that what a
// method returned ok for is on the disk. The owner of the data directory opens it, once; no worker
// does.
//
// Thread-safe: one connection behind one mutex.
class SqliteStore final : public LedgerStore {
 public:
  // How one transaction went.
  struct TransactionFacts {
    bool is_write = false;
    std::chrono::nanoseconds committing{};  // Of COMMIT alone, for a write: its fsync.
    const base::Error* error = nullptr;     // Null: it was ok.
  };
  struct Options {
    std::filesystem::path path;  // Of the file; its folder must exist. Made if it is missing.
    std::string vfs = {};        // Name of a registered SQLite VFS; empty for SQLite's own.
    // Told of every transaction, on the thread that made it, with the store's mutex held.
    std::function<void(const TransactionFacts&)> observer = {};
  };
  // Brings the schema up to date. kFailedPrecondition: ERR_STORE_TOO_NEW, ERR_PERMISSION, or
  // ERR_BAD_CONFIG on a network file system. kDataLoss / ERR_STORE_DAMAGED if the file is damaged.
  static base::Result<std::unique_ptr<SqliteStore>> Open(const Options& options);
  // To be read only: every method that writes fails with ERR_PERMISSION, as does this one where the
  // schema is an older one. Otherwise errors as Open. With kReadAtRest, by the caller's word:
  // nobody has the store open for writing, and beside it lies no `-wal` that is not empty.
  static base::Result<std::unique_ptr<SqliteStore>> OpenToRead(const Options& options,
                                                               Database::Access access);
  ~SqliteStore() override;

 protected:
  base::Result<void> Transact(Access access, const Body& body) override;
  base::Result<void> CheckFile() override;

 private:
  SqliteStore(std::unique_ptr<Database> database, const Options& options);
  base::Result<void> TransactObserved(Access access, const Body& body, TransactionFacts& facts)
      ROLLCALL_REQUIRES(mutex_);

  const std::function<void(const TransactionFacts&)> observer_;
  base::Mutex mutex_;
  std::unique_ptr<Database> database_ ROLLCALL_GUARDED_BY(mutex_);
  SqliteLedger ledger_ ROLLCALL_GUARDED_BY(mutex_);
};

// Whether statfs's f_type is one on which SQLite's locks and shared memory are not safe.
bool IsNetworkFileSystem(long type);

}  // namespace rollcall::store
