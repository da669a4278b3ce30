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
#include "store/sqlite/store_check.h"

namespace rollcall::store {

// The JobStore of one machine: an SQLite file in WAL mode with synchronous FULL, so that what a
// method returned ok for is on the disk. The owner of the data directory opens it, once; no worker
// does.
//
// Writes go through one connection, reads through another that only reads: neither waits for the
// other, and a read that begins after a commit sees it. A check of everything has a connection of
// its own (StoreCheck), so that nothing waits for it. What the write-ahead log can grow to is
// bounded: a read keeps it from beginning anew only while it lasts, reads follow one another, and a
// check that lasts is given up.
//
// Thread-safe: a mutex for each of the two connections.
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
    // Told of every transaction but those of checks, on the thread that made it, with the
    // connection's mutex held: of a read and a write possibly at the same time.
    std::function<void(const TransactionFacts&)> observer = {};
    // By how much the log may grow while a check reads.
    std::int64_t check_log_growth_bytes_max = std::int64_t{256} << 20;
    std::function<void()> check_watch = {};  // StoreCheck::Options::watch
  };
  // Brings the schema up to date. kFailedPrecondition: ERR_STORE_TOO_NEW, ERR_PERMISSION, or
  // ERR_BAD_CONFIG on a network file system. kDataLoss / ERR_STORE_DAMAGED if the file is damaged.
  static base::Result<std::unique_ptr<SqliteStore>> Open(const Options& options, StoreClock clock);
  // To be read only: every method that writes fails with ERR_PERMISSION, as does this one where the
  // schema is an older one. Otherwise errors as Open. With kReadAtRest, by the caller's word:
  // nobody has the store open for writing, and beside it lies no `-wal` that is not empty.
  static base::Result<std::unique_ptr<SqliteStore>> OpenToRead(const Options& options,
                                                               Database::Access access,
                                                               StoreClock clock);
  ~SqliteStore() override;

 protected:
  base::Result<void> Transact(Access access, const Body& body) override;
  base::Result<void> CheckFile() override;

 private:
  // For one thread at a time.
  struct Connection {
    explicit Connection(std::unique_ptr<Database> opened)
        : database(std::move(opened)), ledger(*database) {}

    base::Mutex mutex;
    const std::unique_ptr<Database> database ROLLCALL_GUARDED_BY(mutex);
    SqliteLedger ledger ROLLCALL_GUARDED_BY(mutex);
  };

  SqliteStore(const Options& options, StoreClock clock, Database::Access read_access,
              std::unique_ptr<Connection> writer, std::unique_ptr<Connection> reader);
  static base::Result<std::unique_ptr<Connection>> OpenReader(const Options& options,
                                                              Database::Access access);
  base::Result<void> TransactOn(Connection& connection, Access access, const Body& body);
  base::Result<void> TransactObserved(Connection& connection, const Body& body,
                                      TransactionFacts& facts) ROLLCALL_REQUIRES(connection.mutex);
  base::Result<std::unique_ptr<StoreCheck>> OpenCheck();

  const Options options_;
  const Database::Access read_access_;
  const std::unique_ptr<Connection> writer_;  // Null: the store was opened to be read.
  // Closed first: the last connection that can write tidies the log away.
  const std::unique_ptr<Connection> reader_;
};

// Whether statfs's f_type is one on which SQLite's locks and shared memory are not safe.
bool IsNetworkFileSystem(long type);

}  // namespace rollcall::store
