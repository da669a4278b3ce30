#pragma once

#include <filesystem>
#include <memory>

#include "base/mutex.h"
#include "store/ledger_store.h"
#include "store/sqlite/database.h"
#include "store/sqlite/sqlite_ledger.h"

namespace rollcall::store {

// SqliteStore broken on purpose, for negative controls: its transactions begin without the write
// lock and ask for it half-way, when what they have read may be out of date. Thread-safe.
class DeferredStore final : public LedgerStore {
 public:
  // The errors of SqliteStore::Open.
  static base::Result<std::unique_ptr<DeferredStore>> Open(const std::filesystem::path& path,
                                                           StoreClock clock);

 protected:
  base::Result<void> Transact(Access access, const Body& body) override;
  base::Result<void> CheckFile() override { return {}; }

 private:
  DeferredStore(std::unique_ptr<Database> database, StoreClock clock);

  base::Mutex mutex_;
  std::unique_ptr<Database> database_ ROLLCALL_GUARDED_BY(mutex_);
  SqliteLedger ledger_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::store
