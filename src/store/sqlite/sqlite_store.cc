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

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(const Options& options) {
  ROLLCALL_TRY(CheckFileSystem(options.path));
  ROLLCALL_TRY_ASSIGN(auto database, Database::Open({.path = options.path, .vfs = options.vfs}));
  ROLLCALL_TRY(Configure(*database));
  ROLLCALL_TRY(Migrate(*database, Migrations()));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(database), options));
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::OpenToRead(const Options& options,
                                                             Database::Access access) {
  ROLLCALL_CHECK(access != Database::Access::kWrite);
  ROLLCALL_TRY(CheckFileSystem(options.path));
  ROLLCALL_TRY_ASSIGN(auto database,
                      Database::Open({.path = options.path, .vfs = options.vfs, .access = access}));
  ROLLCALL_TRY(CheckSchema(*database, Migrations()));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(database), options));
}

SqliteStore::SqliteStore(std::unique_ptr<Database> database, const Options& options)
    : observer_(options.observer), database_(std::move(database)), ledger_(*database_) {}

SqliteStore::~SqliteStore() = default;

Result<void> SqliteStore::Transact(Access access, const Body& body) {
  base::MutexLock lock(mutex_);
  TransactionFacts facts{.is_write = access == Access::kWrite};
  auto done = TransactObserved(access, body, facts);
  if (!done.ok()) facts.error = &done.error();
  if (observer_) observer_(facts);
  return done;
}

Result<void> SqliteStore::TransactObserved(Access access, const Body& body,
                                           TransactionFacts& facts) {
  ROLLCALL_TRY_ASSIGN(auto transaction, Transaction::Begin(*database_, access == Access::kWrite));
  ROLLCALL_TRY(body(ledger_));
  const auto began = std::chrono::steady_clock::now();
  auto committed = transaction.Commit();
  facts.committing = std::chrono::steady_clock::now() - began;
  return committed;
}

Result<void> SqliteStore::CheckFile() {
  base::MutexLock lock(mutex_);
  ROLLCALL_TRY_ASSIGN(auto check, database_->Query("PRAGMA integrity_check(1)"));
  ROLLCALL_TRY(check.Step());
  if (check.Text(0) != "ok") {
    return domain::MakeError(domain::reason::kStoreDamaged, check.Text(0));
  }
  ROLLCALL_TRY_ASSIGN(auto orphans, database_->Query("PRAGMA foreign_key_check"));
  ROLLCALL_TRY_ASSIGN(const bool has_orphan, orphans.Step());
  if (!has_orphan) return {};
  return domain::MakeError(domain::reason::kStoreDamaged,
                           fmt::format("row {} of {} names a {} that is gone", orphans.Int64(1),
                                       orphans.Text(0), orphans.Text(2)));
}

}  // namespace rollcall::store
