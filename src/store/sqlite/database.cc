#include "store/sqlite/database.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::store {

using base::Result;
namespace reason = domain::reason;

namespace {

std::string_view ReasonOf(int code, int system_error) {
  const bool is_full = system_error == ENOSPC || system_error == EDQUOT;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return reason::kDiskFull;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return reason::kStoreDamaged;
    case SQLITE_CANTOPEN:  // Of the -wal file, where there is no room for one.
      return is_full ? reason::kDiskFull : reason::kPermission;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return reason::kPermission;
    case SQLITE_IOERR:
      // Some calls (the -shm file's size) pass a full disk off as an I/O error.
      return is_full ? reason::kDiskFull : reason::kStoreUnavailable;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
      return reason::kInternal;
    default:
      return reason::kStoreUnavailable;
  }
}

int OpenFlags(Database::Access access) {
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (access) {
    case Database::Access::kWrite:
      return flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Database::Access::kRead:
      return flags | SQLITE_OPEN_READONLY;
    case Database::Access::kReadAtRest:
      return flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  }
  ROLLCALL_CHECK(false, "an access that is none");
}

std::string FileName(const Database::Options& options) {
  if (options.access != Database::Access::kReadAtRest) return options.path.string();
  std::string uri = "file:";
  for (const char c : options.path.string()) {
    const bool is_special = c == '%' || c == '?' || c == '#';
    uri += is_special ? fmt::format("%{:02x}", c) : std::string(1, c);
  }
  return uri + "?immutable=1";
}

}  // namespace

base::Error SqliteError(sqlite3* db, std::string_view doing) {
  // Far more than the pages of one of our transactions, but for a checkpoint with a large state.
  constexpr std::int64_t kTransactionBytes = 1 << 20;
  const int code = sqlite3_extended_errcode(db);
  auto error =
      domain::MakeError(ReasonOf(code, sqlite3_system_errno(db)),
                        fmt::format("{}: {} (SQLite error {})", doing, sqlite3_errmsg(db), code));
  return base::WantingBytes(std::move(error), kTransactionBytes);
}

Statement::~Statement() {
  if (handle_ == nullptr) return;
  sqlite3_reset(handle_);  // Repeats the error of the last step, which has been reported.
  sqlite3_clear_bindings(handle_);
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteError(sqlite3_db_handle(handle_), "the store");
}

std::string Statement::Text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

std::optional<std::string> Statement::OptionalText(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Text(column);
}

// Binding fails only for a wrong index, a programmer's mistake, or for want of memory.
void Statement::Bind(int index, std::int64_t value) {
  ROLLCALL_CHECK(sqlite3_bind_int64(handle_, index, value) == SQLITE_OK);
}

void Statement::Bind(int index, double value) {
  ROLLCALL_CHECK(sqlite3_bind_double(handle_, index, value) == SQLITE_OK);
}

void Statement::Bind(int index, std::string_view text) {
  // A null pointer would be NULL, not "".
  const char* bytes = text.data() == nullptr ? "" : text.data();
  ROLLCALL_CHECK(sqlite3_bind_text64(handle_, index, bytes, text.size(), SQLITE_STATIC,
                                     SQLITE_UTF8) == SQLITE_OK);
}

void Statement::Bind(int index, Blob blob) {
  const char* bytes = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  ROLLCALL_CHECK(sqlite3_bind_blob64(handle_, index, bytes, blob.bytes.size(), SQLITE_STATIC) ==
                 SQLITE_OK);
}

void Statement::Bind(int index, std::nullopt_t) {
  ROLLCALL_CHECK(sqlite3_bind_null(handle_, index) == SQLITE_OK);
}

Result<std::unique_ptr<Database>> Database::Open(const Options& options) {
  // 3.51.3 mends a race that can lose a committed WAL frame; the build pins it.
  ROLLCALL_CHECK(sqlite3_libversion_number() >= 3'051'003, sqlite3_libversion());
  sqlite3* handle = nullptr;
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  const int code =
      sqlite3_open_v2(FileName(options).c_str(), &handle, OpenFlags(options.access), vfs);
  ROLLCALL_CHECK(handle != nullptr, "out of memory");
  std::unique_ptr<Database> database(new Database(handle));
  if (code != SQLITE_OK) {
    return SqliteError(handle, fmt::format("opening {}", options.path.string()));
  }
  // SQLite falls back to reading a file that it may not write.
  if (options.access == Access::kWrite && sqlite3_db_readonly(handle, "main") == 1) {
    return domain::MakeError(reason::kPermission,
                             options.path.string() + " exists but may not be written");
  }
  sqlite3_busy_timeout(handle, options.busy_timeout_ms);
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Result<void> Database::Execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return SqliteError(handle_, sql.substr(0, sql.find('\n')));
}

Result<Statement> Database::Prepare(std::string_view sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) {
    ROLLCALL_CHECK(sqlite3_stmt_busy(known->second) == 0, sql);
    return Statement(known->second);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return SqliteError(handle_, sql);
  statements_.emplace(sql, statement);
  return Statement(statement);
}

base::Error Database::NotOneRow(std::int64_t count, std::string_view sql) {
  return domain::MakeError(reason::kInternal,
                           fmt::format("a guarded change hit {} rows: {}", count, sql));
}

Result<Transaction> Transaction::Begin(Database& database, bool writes) {
  ROLLCALL_TRY(database.Change(writes ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // Some errors have rolled back already.
  if (sqlite3_get_autocommit(database_->handle()) != 0) return;
  // Only fails when the file cannot be read any more; the next statement says so.
  std::ignore = database_->Change("ROLLBACK").ok();
}

Result<void> Transaction::Commit() {
  ROLLCALL_TRY(database_->Change("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace rollcall::store
