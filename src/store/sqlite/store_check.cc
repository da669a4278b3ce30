#include "store/sqlite/store_check.h"

#include <fmt/format.h>

#include <system_error>

#include "base/check.h"
#include "domain/reasons.h"

namespace rollcall::store {

using base::Result;

namespace {

// Of SQLite's virtual machine, or pages of a table that is checked: some milliseconds.
constexpr int kStepsBetweenLooks = 2'000;

// 0 where there is none: not every VFS has its files in a folder.
std::uintmax_t SizeOf(const std::filesystem::path& path) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  return missing ? 0 : size;
}

}  // namespace

Result<std::unique_ptr<StoreCheck>> StoreCheck::Open(const Options& options) {
  ROLLCALL_CHECK(options.access != Database::Access::kWrite);
  ROLLCALL_TRY_ASSIGN(
      auto database,
      Database::Open({.path = options.path, .vfs = options.vfs, .access = options.access}));
  return std::unique_ptr<StoreCheck>(new StoreCheck(std::move(database), options));
}

StoreCheck::StoreCheck(std::unique_ptr<Database> database, const Options& options)
    : options_(options),
      database_(std::move(database)),
      log_(sqlite3_filename_wal(sqlite3_db_filename(database_->handle(), "main"))),
      log_bytes_at_first_(SizeOf(log_)),
      ledger_(*database_) {
  sqlite3_progress_handler(database_->handle(), kStepsBetweenLooks, &StoreCheck::OnProgress, this);
}

int StoreCheck::OnProgress(void* self) {
  auto& check = *static_cast<StoreCheck*>(self);
  if (check.options_.watch) check.options_.watch();
  check.is_given_up_ = check.is_given_up_ || check.IsLogTooLong();
  return check.is_given_up_ ? 1 : 0;
}

bool StoreCheck::IsLogTooLong() const {
  const auto max = static_cast<std::uintmax_t>(options_.log_growth_bytes_max);
  return SizeOf(log_) > log_bytes_at_first_ + max;
}

Result<void> StoreCheck::UnlessGivenUp(Result<void> result) const {
  if (result.ok() || !is_given_up_) return result;
  return domain::MakeError(
      domain::reason::kStoreUnavailable,
      fmt::format("the check was given up: {} MB were written meanwhile, which the log must keep "
                  "while it lasts",
                  options_.log_growth_bytes_max >> 20),
      "check again when less is at work");
}

Result<void> StoreCheck::CheckFile() {
  ROLLCALL_TRY(UnlessGivenUp(CheckPages()));
  return UnlessGivenUp(CheckReferences());
}

Result<void> StoreCheck::CheckPages() {
  ROLLCALL_TRY_ASSIGN(auto check, database_->Query("PRAGMA integrity_check(1)"));
  ROLLCALL_TRY(check.Step());
  if (check.Text(0) == "ok") return {};
  return domain::MakeError(domain::reason::kStoreDamaged, check.Text(0));
}

Result<void> StoreCheck::CheckReferences() {
  ROLLCALL_TRY_ASSIGN(auto orphans, database_->Query("PRAGMA foreign_key_check"));
  ROLLCALL_TRY_ASSIGN(const bool has_orphan, orphans.Step());
  if (!has_orphan) return {};
  return domain::MakeError(domain::reason::kStoreDamaged,
                           fmt::format("row {} of {} names a {} that is gone", orphans.Int64(1),
                                       orphans.Text(0), orphans.Text(2)));
}

Result<void> StoreCheck::Read(const std::function<Result<void>(Ledger&)>& body) {
  const auto read = [&]() -> Result<void> {
    ROLLCALL_TRY_ASSIGN(auto transaction, Transaction::Begin(*database_, /*writes=*/false));
    ROLLCALL_TRY(body(ledger_));
    return transaction.Commit();
  };
  return UnlessGivenUp(read());
}

}  // namespace rollcall::store
