#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace rollcall::store {

// Opaque bytes, as against text.
struct Blob {
  std::string_view bytes;
};

// The Error of a failed call on `db`: full disks are ERR_DISK_FULL, damage ERR_STORE_DAMAGED,
// missing rights ERR_PERMISSION, the rest kUnavailable. `doing` says what was tried.
base::Error SqliteError(sqlite3* db, std::string_view doing);

// A prepared statement, borrowed from its Database's cache for one execution: reset when destroyed.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // The next row, or false after the last.
  base::Result<bool> Step();

  // Of a statement that changes rows and is run many times: how many it changes with these values.
  template <typename... Values>
  base::Result<std::int64_t> ChangeAgain(const Values&... values) {
    BindAll(values...);
    ROLLCALL_TRY(Step());
    sqlite3_reset(handle_);
    return sqlite3_changes64(sqlite3_db_handle(handle_));
  }

  // Columns of the present row, from 0. Null reads as 0 or "".
  bool IsNull(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  std::int64_t Int64(int column) const { return sqlite3_column_int64(handle_, column); }
  int Int(int column) const { return sqlite3_column_int(handle_, column); }
  bool Bool(int column) const { return Int64(column) != 0; }
  double Double(int column) const { return sqlite3_column_double(handle_, column); }
  std::string Text(int column) const;  // Blobs too.
  std::optional<std::string> OptionalText(int column) const;

  template <typename... Values>
  void BindAll(const Values&... values) {
    int index = 0;
    (Bind(++index, values), ...);
  }

 private:
  void Bind(int index, std::int64_t value);
  void Bind(int index, std::same_as<int> auto value) { Bind(index, std::int64_t{value}); }
  void Bind(int index, std::same_as<bool> auto value) { Bind(index, std::int64_t{value}); }
  void Bind(int index, double value);
  // Text and blobs must outlive the statement.
  void Bind(int index, std::string_view text);
  void Bind(int index, Blob blob);
  void Bind(int index, std::nullopt_t);
  template <typename Id>
  requires std::is_enum_v<Id>
  void Bind(int index, Id id) { Bind(index, static_cast<std::int64_t>(id)); }
  template <typename T>
  void Bind(int index, const std::optional<T>& value) {
    value ? Bind(index, *value) : Bind(index, std::nullopt);
  }

  sqlite3_stmt* handle_;
};

// One connection with its prepared statements. Not thread-safe.
class Database {
 public:
  enum class Access {
    kWrite,
    // Beside an owner, by his log and his locks; what he has left behind is read too.
    kRead,
    // Nobody writes while it is open, and there is no log: nothing but the file is needed.
    kReadAtRest,
  };
  struct Options {
    std::filesystem::path path;
    std::string vfs;  // Empty: SQLite's own.
    Access access = Access::kWrite;
    int busy_timeout_ms = 5'000;
  };
  // To write, creates the file if it is missing. kFailedPrecondition / ERR_PERMISSION if it cannot
  // be opened, kDataLoss / ERR_STORE_DAMAGED if it is no database.
  static base::Result<std::unique_ptr<Database>> Open(const Options& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Statements without parameters and rows, one after the other.
  base::Result<void> Execute(const std::string& sql);

  // A statement with its parameters bound, before its first row.
  template <typename... Values>
  base::Result<Statement> Query(std::string_view sql, const Values&... values) {
    auto statement = Prepare(sql);
    if (statement.ok()) statement->BindAll(values...);
    return statement;
  }

  // A statement that changes rows; returns how many.
  template <typename... Values>
  base::Result<std::int64_t> Change(std::string_view sql, const Values&... values) {
    ROLLCALL_TRY_ASSIGN(auto statement, Query(sql, values...));
    ROLLCALL_TRY(statement.Step());
    return sqlite3_changes64(handle_);
  }

  // A guarded change: kInternal unless it hits exactly one row.
  template <typename... Values>
  base::Result<void> ChangeOne(std::string_view sql, const Values&... values) {
    ROLLCALL_TRY_ASSIGN(const std::int64_t count, Change(sql, values...));
    return count == 1 ? base::Result<void>() : NotOneRow(count, sql);
  }

  std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }
  sqlite3* handle() { return handle_; }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  base::Result<Statement> Prepare(std::string_view sql);
  static base::Error NotOneRow(std::int64_t count, std::string_view sql);

  // Looks a statement up by its text without copying it.
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  sqlite3* handle_;
  std::unordered_map<std::string, sqlite3_stmt*, TextHash, std::equal_to<>> statements_;
};

// A transaction that rolls back unless it was committed.
class Transaction {
 public:
  // BEGIN IMMEDIATE for writes: the lock is taken now, never half-way.
  static base::Result<Transaction> Begin(Database& database, bool writes);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  base::Result<void> Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace rollcall::store
