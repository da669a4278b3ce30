#pragma once

#include <duckdb.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::artifacts {

// One in-memory DuckDB with one thread, bounded memory, no spill files, no network and no
// extensions; only the way to its Parquet reader and writer. Thread-compatible.
class DuckdbSession {
 public:
  static base::Result<std::unique_ptr<DuckdbSession>> Open();
  ~DuckdbSession();
  DuckdbSession(const DuckdbSession&) = delete;
  DuckdbSession& operator=(const DuckdbSession&) = delete;

  duckdb_connection connection() const { return connection_; }

 private:
  DuckdbSession() = default;

  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

// Owns a result, failed or not.
class DuckdbResult {
 public:
  DuckdbResult() = default;
  ~DuckdbResult() { duckdb_destroy_result(&result_); }
  DuckdbResult(const DuckdbResult&) = delete;
  DuckdbResult& operator=(const DuckdbResult&) = delete;
  duckdb_result* get() { return &result_; }

 private:
  duckdb_result result_{};
};

// The Error of a failed query on `path`: a full disk, memory at its bound, and for the rest
// `otherwise`, a reason of domain/reasons.h.
base::Error DuckdbError(duckdb_result* result, const std::filesystem::path& path,
                        std::string_view otherwise);

// 'it''s'
std::string SqlText(std::string_view text);

// A file by a name that DuckDB takes: in UTF-8, wherever the file's folder may lie. The name holds
// while this object lives, in this process.
class DuckdbPath {
 public:
  explicit DuckdbPath(const std::filesystem::path& path);
  // With quotes, for a statement.
  std::string sql() const { return SqlText(text_); }

 private:
  base::UniqueFd folder_;
  std::string text_;
};
// "a ""name"""
std::string SqlName(std::string_view name);

}  // namespace rollcall::artifacts
