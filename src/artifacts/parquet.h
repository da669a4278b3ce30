#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rollcall::artifacts {

enum class ColumnType { kBool, kInt32, kInt64, kFloat, kDouble, kText, kFloatList };

struct Column {
  std::string name;  // With its unit: "ts_ms".
  ColumnType type;
};

// Writes one Parquet file row by row, by DuckDB with one thread: the same rows give the same bytes.
// Cells are appended in column order; a row must be complete before the next begins. Memory stays
// flat: rows go to disk in groups. Unless Finish succeeds, the file is removed.
//
// Not thread-safe; DuckDB runs in a thread of the writer's own.
class ParquetWriter {
 public:
  // What base::ErrnoError says when `path` cannot be made.
  static base::Result<std::unique_ptr<ParquetWriter>> Create(const std::filesystem::path& path,
                                                             std::vector<Column> columns);
  virtual ~ParquetWriter() = default;
  virtual void Bool(bool value) = 0;
  virtual void Int32(std::int32_t value) = 0;
  virtual void Int64(std::int64_t value) = 0;
  virtual void Float(float value) = 0;
  virtual void Double(double value) = 0;
  virtual void Text(std::string_view value) = 0;  // What is not UTF-8 becomes U+FFFD.
  virtual void FloatList(std::span<const float> values) = 0;
  virtual void Null() = 0;
  // kResourceExhausted / ERR_DISK_FULL, ERR_IO; perhaps only some rows after the one that failed.
  virtual base::Result<void> EndRow() = 0;
  // Writes what is left and closes. Call once.
  virtual base::Result<void> Finish() = 0;
};

// One row while reading; valid only within the call. Column numbers are those of the list given to
// ReadParquet. A null reads as false, 0 or empty.
class ParquetRow {
 public:
  virtual ~ParquetRow() = default;
  virtual bool IsNull(int column) const = 0;
  virtual bool Bool(int column) const = 0;
  virtual std::int64_t Int(int column) const = 0;  // Any integer type.
  virtual double Double(int column) const = 0;     // Any floating type.
  virtual std::string Text(int column) const = 0;
  virtual std::vector<float> FloatList(int column) const = 0;
};

// Reads the named columns of a file row by row, a few thousand rows in memory. Not thread-safe.
class ParquetReader {
 public:
  // kNotFound, kDataLoss / ERR_ARTIFACT_CORRUPT (not Parquet, damaged, column missing or of a type
  // that does not fit: any integer type fits kInt32 and kInt64, both floating ones fit kFloat and
  // kDouble).
  static base::Result<std::unique_ptr<ParquetReader>> Open(const std::filesystem::path& path,
                                                           const std::vector<Column>& columns);
  virtual ~ParquetReader() = default;
  // The next row, valid until the next call; null behind the last. Errors as Open.
  virtual base::Result<const ParquetRow*> Next() = 0;
  virtual std::int64_t row_count() const = 0;  // Of the whole file, from its footer.
};

// The same for all rows. An error of `row` ends the reading and is returned.
base::Result<void> ReadParquet(const std::filesystem::path& path,
                               const std::vector<Column>& columns,
                               const std::function<base::Result<void>(const ParquetRow&)>& row);

// Rows in a file, from its footer.
base::Result<std::int64_t> CountParquetRows(const std::filesystem::path& path);

}  // namespace rollcall::artifacts
