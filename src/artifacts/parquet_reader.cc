#include <duckdb.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "artifacts/duckdb_session.h"
#include "artifacts/parquet.h"
#include "base/check.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;

base::Error Corrupt(const fs::path& path, std::string_view what) {
  return domain::MakeError(reason::kArtifactCorrupt, path.string() + " " + std::string(what));
}

struct StatementDeleter {
  void operator()(duckdb_prepared_statement statement) const { duckdb_destroy_prepare(&statement); }
};
using Statement =
    std::unique_ptr<std::remove_pointer_t<duckdb_prepared_statement>, StatementDeleter>;

struct ChunkDeleter {
  void operator()(duckdb_data_chunk chunk) const { duckdb_destroy_data_chunk(&chunk); }
};
using Chunk = std::unique_ptr<std::remove_pointer_t<duckdb_data_chunk>, ChunkDeleter>;

// `path` is there and may be read; DuckDB says neither in a way that can be told apart.
base::Result<void> CheckReadable(const fs::path& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return base::ErrnoError(errno, "open", path);
  return {};
}

// Runs `sql` over `path`; `result` then streams.
base::Result<void> Query(DuckdbSession& session, const std::string& sql, const fs::path& path,
                         duckdb_result* result) {
  duckdb_prepared_statement raw = nullptr;
  const auto prepared = duckdb_prepare(session.connection(), sql.c_str(), &raw);
  const Statement statement(raw);
  if (prepared != DuckDBSuccess) {
    const char* message = duckdb_prepare_error(statement.get());
    return Corrupt(path, message == nullptr ? "cannot be read" : message);
  }
  if (duckdb_execute_prepared_streaming(statement.get(), result) != DuckDBSuccess) {
    return DuckdbError(result, path, reason::kArtifactCorrupt);
  }
  return {};
}

// DuckDB takes a path for a pattern only where no file of that very name exists.
std::string FileRows(const DuckdbPath& path) {
  return " FROM read_parquet(" + path.sql() + ", hive_partitioning = false, union_by_name = false)";
}

// The type of a column's values; of its elements if it is a list.
struct StoredType {
  bool is_list = false;
  duckdb_type value = DUCKDB_TYPE_INVALID;
};

StoredType TypeOf(duckdb_result* result, idx_t column) {
  duckdb_logical_type type = duckdb_column_logical_type(result, column);
  StoredType stored{.is_list = duckdb_get_type_id(type) == DUCKDB_TYPE_LIST,
                    .value = duckdb_get_type_id(type)};
  if (stored.is_list) {
    duckdb_logical_type element = duckdb_list_type_child_type(type);
    stored.value = duckdb_get_type_id(element);
    duckdb_destroy_logical_type(&element);
  }
  duckdb_destroy_logical_type(&type);
  return stored;
}

bool IsInteger(duckdb_type type) {
  constexpr std::array kIntegers{DUCKDB_TYPE_TINYINT, DUCKDB_TYPE_SMALLINT, DUCKDB_TYPE_INTEGER,
                                 DUCKDB_TYPE_BIGINT,  DUCKDB_TYPE_UTINYINT, DUCKDB_TYPE_USMALLINT,
                                 DUCKDB_TYPE_UINTEGER};
  return std::find(kIntegers.begin(), kIntegers.end(), type) != kIntegers.end();
}

bool IsReadableAs(StoredType stored, ColumnType wanted) {
  if (stored.is_list != (wanted == ColumnType::kFloatList)) return false;
  switch (wanted) {
    case ColumnType::kBool:
      return stored.value == DUCKDB_TYPE_BOOLEAN;
    case ColumnType::kInt32:
    case ColumnType::kInt64:
      return IsInteger(stored.value);
    case ColumnType::kFloat:
    case ColumnType::kDouble:
      return stored.value == DUCKDB_TYPE_FLOAT || stored.value == DUCKDB_TYPE_DOUBLE;
    case ColumnType::kText:
      return stored.value == DUCKDB_TYPE_VARCHAR;
    case ColumnType::kFloatList:
      return stored.value == DUCKDB_TYPE_FLOAT;
  }
  return false;
}

base::Result<std::vector<StoredType>> CheckTypes(duckdb_result* result, const fs::path& path,
                                                 const std::vector<Column>& columns) {
  std::vector<StoredType> types;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    types.push_back(TypeOf(result, i));
    if (!IsReadableAs(types.back(), columns[i].type)) {
      return Corrupt(path, "has a column " + columns[i].name + " of another type");
    }
  }
  return types;
}

// A row of the chunk at hand. Borrows the chunk.
class ChunkRow final : public ParquetRow {
 public:
  explicit ChunkRow(std::vector<StoredType> types) : types_(std::move(types)) {
    columns_.resize(types_.size());
  }

  // False if a list has a null among its numbers.
  bool Load(duckdb_data_chunk chunk) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
      columns_[i] = {.data = duckdb_vector_get_data(vector),
                     .validity = duckdb_vector_get_validity(vector)};
      if (types_[i].is_list && !LoadElements(vector, columns_[i])) return false;
    }
    return true;
  }

  void set_row(idx_t row) { row_ = row; }

  bool IsNull(int column) const override {
    std::uint64_t* validity = At(column).validity;
    return validity != nullptr && !duckdb_validity_row_is_valid(validity, row_);
  }

  bool Bool(int column) const override {
    ROLLCALL_CHECK(TypeAt(column).value == DUCKDB_TYPE_BOOLEAN, "not a column of booleans");
    return Value<bool>(column);
  }

  std::int64_t Int(int column) const override {
    switch (TypeAt(column).value) {
      case DUCKDB_TYPE_TINYINT:
        return Value<std::int8_t>(column);
      case DUCKDB_TYPE_SMALLINT:
        return Value<std::int16_t>(column);
      case DUCKDB_TYPE_INTEGER:
        return Value<std::int32_t>(column);
      case DUCKDB_TYPE_UTINYINT:
        return Value<std::uint8_t>(column);
      case DUCKDB_TYPE_USMALLINT:
        return Value<std::uint16_t>(column);
      case DUCKDB_TYPE_UINTEGER:
        return Value<std::uint32_t>(column);
      default:
        ROLLCALL_CHECK(TypeAt(column).value == DUCKDB_TYPE_BIGINT, "not a column of integers");
        return Value<std::int64_t>(column);
    }
  }

  double Double(int column) const override {
    if (TypeAt(column).value == DUCKDB_TYPE_FLOAT) return Value<float>(column);
    ROLLCALL_CHECK(TypeAt(column).value == DUCKDB_TYPE_DOUBLE, "not a column of numbers");
    return Value<double>(column);
  }

  std::string Text(int column) const override {
    ROLLCALL_CHECK(TypeAt(column).value == DUCKDB_TYPE_VARCHAR, "not a column of text");
    if (IsNull(column)) return {};
    auto* text = static_cast<duckdb_string_t*>(At(column).data) + row_;
    return {duckdb_string_t_data(text), duckdb_string_t_length(*text)};
  }

  std::vector<float> FloatList(int column) const override {
    ROLLCALL_CHECK(TypeAt(column).is_list, "not a column of lists");
    if (IsNull(column)) return {};
    const auto entry = static_cast<const duckdb_list_entry*>(At(column).data)[row_];
    const float* first = At(column).elements + entry.offset;
    return {first, first + entry.length};
  }

 private:
  struct Cells {
    void* data = nullptr;
    std::uint64_t* validity = nullptr;  // Null: all valid.
    const float* elements = nullptr;    // Of a list.
  };

  static bool LoadElements(duckdb_vector vector, Cells& cells) {
    duckdb_vector child = duckdb_list_vector_get_child(vector);
    cells.elements = static_cast<const float*>(duckdb_vector_get_data(child));
    std::uint64_t* validity = duckdb_vector_get_validity(child);
    if (validity == nullptr) return true;
    for (idx_t i = 0; i < duckdb_list_vector_get_size(vector); ++i) {
      if (!duckdb_validity_row_is_valid(validity, i)) return false;
    }
    return true;
  }

  const Cells& At(int column) const { return columns_[Checked(column)]; }
  StoredType TypeAt(int column) const { return types_[Checked(column)]; }
  std::size_t Checked(int column) const {
    ROLLCALL_CHECK(column >= 0 && static_cast<std::size_t>(column) < types_.size(),
                   "no such column");
    return static_cast<std::size_t>(column);
  }
  // Zero for null.
  template <typename T>
  T Value(int column) const {
    return IsNull(column) ? T{} : static_cast<const T*>(At(column).data)[row_];
  }

  std::vector<StoredType> types_;
  std::vector<Cells> columns_;
  idx_t row_ = 0;
};

base::Result<std::int64_t> CountRows(DuckdbSession& session, const fs::path& path) {
  DuckdbResult result;
  const DuckdbPath place(path);
  ROLLCALL_TRY(Query(session, "SELECT count(*)" + FileRows(place), path, result.get()));
  const Chunk chunk(duckdb_fetch_chunk(*result.get()));
  if (chunk == nullptr) return DuckdbError(result.get(), path, reason::kArtifactCorrupt);
  return *static_cast<const std::int64_t*>(
      duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
}

class DuckdbParquetReader final : public ParquetReader {
 public:
  DuckdbParquetReader(fs::path path, std::unique_ptr<DuckdbSession> session, std::int64_t row_count)
      : path_(std::move(path)),
        place_(path_),
        session_(std::move(session)),
        row_count_(row_count) {}

  base::Result<void> Start(const std::vector<Column>& columns) {
    std::string sql = "SELECT ";
    for (const Column& column : columns) {
      if (&column != &columns.front()) sql += ", ";
      sql += SqlName(column.name);
    }
    ROLLCALL_TRY(Query(*session_, sql + FileRows(place_), path_, result_.get()));
    ROLLCALL_TRY_ASSIGN(auto types, CheckTypes(result_.get(), path_, columns));
    row_ = std::make_unique<ChunkRow>(std::move(types));
    return {};
  }

  base::Result<const ParquetRow*> Next() override {
    if (next_in_chunk_ == chunk_rows_) {
      ROLLCALL_TRY(NextChunk());
      if (chunk_rows_ == 0) return static_cast<const ParquetRow*>(nullptr);
    }
    row_->set_row(next_in_chunk_++);
    return row_.get();
  }

  std::int64_t row_count() const override { return row_count_; }

 private:
  // Leaves no rows behind the last.
  base::Result<void> NextChunk() {
    next_in_chunk_ = 0;
    chunk_rows_ = 0;
    if (is_read_out_) return {};
    chunk_.reset(duckdb_fetch_chunk(*result_.get()));
    if (chunk_ != nullptr) chunk_rows_ = duckdb_data_chunk_get_size(chunk_.get());
    if (chunk_rows_ == 0) {
      is_read_out_ = true;
      return CheckEnd();
    }
    if (!row_->Load(chunk_.get())) return Corrupt(path_, "has a list with a gap");
    rows_read_ += static_cast<std::int64_t>(chunk_rows_);
    return {};
  }

  base::Result<void> CheckEnd() {
    if (duckdb_result_error(result_.get()) != nullptr) {
      return DuckdbError(result_.get(), path_, reason::kArtifactCorrupt);
    }
    // DuckDB ends a stream that it cannot go on with like one that is complete.
    if (rows_read_ != row_count_) {
      return Corrupt(path_, "breaks off after " + std::to_string(rows_read_) + " of " +
                                std::to_string(row_count_) + " rows");
    }
    return {};
  }

  const fs::path path_;
  const DuckdbPath place_;  // As long as rows are read.
  const std::unique_ptr<DuckdbSession> session_;
  const std::int64_t row_count_;
  DuckdbResult result_;
  std::unique_ptr<ChunkRow> row_;
  Chunk chunk_;
  idx_t chunk_rows_ = 0;
  idx_t next_in_chunk_ = 0;
  std::int64_t rows_read_ = 0;
  bool is_read_out_ = false;
};

}  // namespace

base::Result<std::unique_ptr<ParquetReader>> ParquetReader::Open(
    const fs::path& path, const std::vector<Column>& columns) {
  ROLLCALL_CHECK(!columns.empty(), "nothing to read");
  ROLLCALL_TRY(CheckReadable(path));
  ROLLCALL_TRY_ASSIGN(auto session, DuckdbSession::Open());
  ROLLCALL_TRY_ASSIGN(const std::int64_t row_count, CountRows(*session, path));
  auto reader = std::make_unique<DuckdbParquetReader>(path, std::move(session), row_count);
  ROLLCALL_TRY(reader->Start(columns));
  return base::Result<std::unique_ptr<ParquetReader>>(std::move(reader));
}

base::Result<void> ReadParquet(const fs::path& path, const std::vector<Column>& columns,
                               const std::function<base::Result<void>(const ParquetRow&)>& row) {
  ROLLCALL_TRY_ASSIGN(const auto reader, ParquetReader::Open(path, columns));
  while (true) {
    ROLLCALL_TRY_ASSIGN(const ParquetRow* next, reader->Next());
    if (next == nullptr) return {};
    ROLLCALL_TRY(row(*next));
  }
}

base::Result<std::int64_t> CountParquetRows(const fs::path& path) {
  ROLLCALL_TRY(CheckReadable(path));
  ROLLCALL_TRY_ASSIGN(auto session, DuckdbSession::Open());
  return CountRows(*session, path);
}

}  // namespace rollcall::artifacts
