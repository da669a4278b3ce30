#include "store/sqlite/sqlite_store.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <cerrno>

#include "base/check.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "store/sqlite/schema.h"

namespace rollcall::store {

using base::Result;

namespace {

// Not in linux/magic.h of every kernel.
constexpr long kCifs = 0xff534d42;
constexpr long kSmb2 = 0xfe534d42;
constexpr long kNinePTwo = 0x01021997;

Result<void> CheckFileSystem(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  struct statfs facts {};
  if (statfs(folder.c_str(), &facts) != 0) {
    return base::ErrnoError(errno, "looking at the file system of", folder);
  }
  if (!IsNetworkFileSystem(facts.f_type)) return {};
  return domain::MakeError(domain::reason::kBadConfig,
                           fmt::format("{} lies on a network file system", folder.string()),
                           "choose a data directory on a local disk with --data");
}

Result<void> Configure(Database& database) {
  ROLLCALL_TRY(database.Execute("PRAGMA foreign_keys = ON"));
  ROLLCALL_TRY(database.Execute("PRAGMA synchronous = FULL"));
  ROLLCALL_TRY(database.Execute("PRAGMA journal_size_limit = 67108864"));
  ROLLCALL_TRY_ASSIGN(auto statement, database.Query("PRAGMA journal_mode = WAL"));
  ROLLCALL_TRY(statement.Step());
  if (statement.Text(0) == "wal") return {};
  return domain::MakeError(
      domain::reason::kStoreUnavailable,
      fmt::format("the store cannot write ahead here: mode {}", statement.Text(0)));
}

}  // namespace

bool IsNetworkFileSystem(long type) {
  return type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == kCifs || type == kSmb2 ||
         type == CODA_SUPER_MAGIC || type == AFS_SUPER_MAGIC || type == kNinePTwo;
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(const Options& options, StoreClock clock) {
  ROLLCALL_TRY(CheckFileSystem(options.path));
  ROLLCALL_TRY_ASSIGN(auto database, Database::Open({.path = options.path, .vfs = options.vfs}));
  ROLLCALL_TRY(Configure(*database));
  ROLLCALL_TRY(Migrate(*database, Migrations()));
  auto writer = std::make_unique<Connection>(std::move(database));
  constexpr auto kRead = Database::Access::kRead;
  ROLLCALL_TRY_ASSIGN(auto reader, OpenReader(options, kRead));
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(options, std::move(clock), kRead, std::move(writer), std::move(reader)));
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::OpenToRead(const Options& options,
                                                             Database::Access access,
                                                             StoreClock clock) {
  ROLLCALL_CHECK(access != Database::Access::kWrite);
  ROLLCALL_TRY(CheckFileSystem(options.path));
  ROLLCALL_TRY_ASSIGN(auto reader, OpenReader(options, access));
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(options, std::move(clock), access, nullptr, std::move(reader)));
}

// Reads at once: from then on file, log and index are open, and another store that takes this one's
// place in the folder is not mixed up with it.
Result<std::unique_ptr<SqliteStore::Connection>> SqliteStore::OpenReader(const Options& options,
                                                                         Database::Access access) {
  ROLLCALL_TRY_ASSIGN(auto database,
                      Database::Open({.path = options.path, .vfs = options.vfs, .access = access}));
  ROLLCALL_TRY(CheckSchema(*database, Migrations()));
  return std::make_unique<Connection>(std::move(database));
}

SqliteStore::SqliteStore(const Options& options, StoreClock clock, Database::Access read_access,
                         std::unique_ptr<Connection> writer, std::unique_ptr<Connection> reader)
    : LedgerStore(std::move(clock)),
      options_(options),
      read_access_(read_access),
      writer_(std::move(writer)),
      reader_(std::move(reader)) {}

SqliteStore::~SqliteStore() = default;

Result<void> SqliteStore::Transact(Access access, const Body& body) {
  switch (access) {
    case Access::kRead:
      return TransactOn(*reader_, access, body);
    case Access::kWrite:
      if (writer_) return TransactOn(*writer_, access, body);
      return domain::MakeError(
          domain::reason::kPermission,
          fmt::format("{} is open to be read, not to be written", options_.path.string()));
    case Access::kCheck: {
      ROLLCALL_TRY_ASSIGN(const auto check, OpenCheck());
      return check->Read(body);
    }
  }
  ROLLCALL_CHECK(false, "an access that is none");
}

Result<void> SqliteStore::TransactOn(Connection& connection, Access access, const Body& body) {
  base::MutexLock lock(connection.mutex);
  TransactionFacts facts{.is_write = access == Access::kWrite};
  auto done = TransactObserved(connection, body, facts);
  if (!done.ok()) facts.error = &done.error();
  if (options_.observer) options_.observer(facts);
  return done;
}

Result<void> SqliteStore::TransactObserved(Connection& connection, const Body& body,
                                           TransactionFacts& facts) {
  ROLLCALL_TRY_ASSIGN(auto transaction, Transaction::Begin(*connection.database, facts.is_write));
  ROLLCALL_TRY(body(connection.ledger));
  const auto began = std::chrono::steady_clock::now();
  auto committed = transaction.Commit();
  facts.committing = std::chrono::steady_clock::now() - began;
  return committed;
}

// By its path, where another store may lie by now.
Result<std::unique_ptr<StoreCheck>> SqliteStore::OpenCheck() {
  int has_moved = 0;
  {
    base::MutexLock lock(reader_->mutex);
    // Where a VFS cannot say it, it has not.
    sqlite3_file_control(reader_->database->handle(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  }
  if (has_moved != 0) {
    return domain::MakeError(
        domain::reason::kDataDirectoryMoved,
        fmt::format("{} is not the file any more that was opened", options_.path.string()));
  }
  return StoreCheck::Open({.path = options_.path,
                           .vfs = options_.vfs,
                           .access = read_access_,
                           .log_growth_bytes_max = options_.check_log_growth_bytes_max,
                           .watch = options_.check_watch});
}

Result<void> SqliteStore::CheckFile() {
  ROLLCALL_TRY_ASSIGN(const auto check, OpenCheck());
  return check->CheckFile();
}

}  // namespace rollcall::store
