#include "store/sqlite/testing/deferred_store.h"

#include "store/sqlite/sqlite_store.h"

namespace rollcall::store {

base::Result<std::unique_ptr<DeferredStore>> DeferredStore::Open(const std::filesystem::path& path,
                                                                 StoreClock clock) {
  // Makes the tables.
  ROLLCALL_TRY(SqliteStore::Open({.path = path, .vfs = {}}, clock));
  ROLLCALL_TRY_ASSIGN(auto database, Database::Open({.path = path, .vfs = {}}));
  return std::unique_ptr<DeferredStore>(new DeferredStore(std::move(database), std::move(clock)));
}

DeferredStore::DeferredStore(std::unique_ptr<Database> database, StoreClock clock)
    : LedgerStore(std::move(clock)), database_(std::move(database)), ledger_(*database_) {}

base::Result<void> DeferredStore::Transact(Access /*access*/, const Body& body) {
  base::MutexLock lock(mutex_);
  ROLLCALL_TRY_ASSIGN(auto transaction, Transaction::Begin(*database_, /*writes=*/false));
  ROLLCALL_TRY(body(ledger_));
  return transaction.Commit();
}

}  // namespace rollcall::store
