#include <duckdb.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "artifacts/duckdb_session.h"
#include "artifacts/parquet.h"
#include "artifacts/row_pipe.h"
#include "artifacts/utf8.h"
#include "base/check.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/unique_fd.h"
#include "domain/reasons.h"

// DuckDB pulls the rows of a COPY; our callers push them. So the COPY runs in a thread of its own
// and reads a table function that waits for the next batch: nothing is stored twice, and what is in
// memory is two batches and the row group that DuckDB is filling.

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;

// Rows of a row group: what DuckDB keeps in memory until it is written. Part of the bytes of the
// file, so fixed per kind of table. A row with an embedding has 2 KiB, of which DuckDB holds some
// ten copies while it writes a group: 2048 rows peak at 90 MB, 8192 at 200 MB.
constexpr int kRowGroupRows = 65'536;
constexpr int kRowGroupRowsWithLists = 2'048;
// What is handed over at once of a table with lists: three batches are in memory, and 2048 rows
// with embeddings would be 4 MiB each. A divisor of the group's rows, so that groups end where they
// did.
constexpr std::size_t kBatchRowsWithLists = 128;

std::size_t FixedBytes(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return 1;
    case ColumnType::kInt32:
    case ColumnType::kFloat:
      return 4;
    case ColumnType::kInt64:
    case ColumnType::kDouble:
      return 8;
    case ColumnType::kText:
    case ColumnType::kFloatList:
      return 0;
  }
  return 0;
}

duckdb_type SqlType(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return DUCKDB_TYPE_BOOLEAN;
    case ColumnType::kInt32:
      return DUCKDB_TYPE_INTEGER;
    case ColumnType::kInt64:
      return DUCKDB_TYPE_BIGINT;
    case ColumnType::kFloat:
    case ColumnType::kFloatList:
      return DUCKDB_TYPE_FLOAT;
    case ColumnType::kDouble:
      return DUCKDB_TYPE_DOUBLE;
    case ColumnType::kText:
      return DUCKDB_TYPE_VARCHAR;
  }
  return DUCKDB_TYPE_INVALID;
}

// What the table function sees of the writer.
struct RowSource {
  const std::vector<Column>* columns;
  RowPipe* pipe;
  RowBatch batch;  // Of the thread that runs the COPY.
};

void AddResultColumn(duckdb_bind_info bind, const Column& column) {
  duckdb_logical_type type = duckdb_create_logical_type(SqlType(column.type));
  if (column.type == ColumnType::kFloatList) {
    duckdb_logical_type element = type;
    type = duckdb_create_list_type(element);
    duckdb_destroy_logical_type(&element);
  }
  duckdb_bind_add_result_column(bind, column.name.c_str(), type);
  duckdb_destroy_logical_type(&type);
}

void BindRows(duckdb_bind_info bind) {
  const auto* source = static_cast<const RowSource*>(duckdb_bind_get_extra_info(bind));
  for (const Column& column : *source->columns) AddResultColumn(bind, column);
}

void InitRows(duckdb_init_info init) { duckdb_init_set_max_threads(init, 1); }

void CopyTexts(const ColumnCells& cells, duckdb_vector vector) {
  std::size_t begin = 0;
  for (std::size_t row = 0; row < cells.ends.size(); ++row) {
    const std::size_t end = cells.ends[row];
    duckdb_vector_assign_string_element_len(vector, row, cells.text.data() + begin, end - begin);
    begin = end;
  }
}

bool CopyFloatLists(const ColumnCells& cells, duckdb_vector vector) {
  if (duckdb_list_vector_reserve(vector, cells.floats.size()) != DuckDBSuccess) return false;
  // The child's data may have moved with the reserve.
  void* elements = duckdb_vector_get_data(duckdb_list_vector_get_child(vector));
  std::copy(cells.floats.begin(), cells.floats.end(), static_cast<float*>(elements));
  auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(vector));
  std::size_t begin = 0;
  for (std::size_t row = 0; row < cells.ends.size(); ++row) {
    entries[row] = {.offset = begin, .length = cells.ends[row] - begin};
    begin = cells.ends[row];
  }
  return duckdb_list_vector_set_size(vector, cells.floats.size()) == DuckDBSuccess;
}

bool CopyColumn(ColumnType type, const ColumnCells& cells, duckdb_vector vector) {
  if (type == ColumnType::kText) {
    CopyTexts(cells, vector);
  } else if (type == ColumnType::kFloatList) {
    if (!CopyFloatLists(cells, vector)) return false;
  } else {
    std::memcpy(duckdb_vector_get_data(vector), cells.fixed.data(), cells.fixed.size());
  }
  if (std::find(cells.is_null.begin(), cells.is_null.end(), 1) == cells.is_null.end()) return true;
  duckdb_vector_ensure_validity_writable(vector);
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  for (std::size_t row = 0; row < cells.is_null.size(); ++row) {
    if (cells.is_null[row] != 0) duckdb_validity_set_row_invalid(validity, row);
  }
  return true;
}

void NextRows(duckdb_function_info function, duckdb_data_chunk chunk) {
  auto* source = static_cast<RowSource*>(duckdb_function_get_extra_info(function));
  const RowPipe::End end = source->pipe->Pull(source->batch);
  if (end == RowPipe::End::kAbandoned) duckdb_function_set_error(function, "abandoned");
  if (end != RowPipe::End::kNone) {
    duckdb_data_chunk_set_size(chunk, 0);
    return;
  }
  for (std::size_t i = 0; i < source->columns->size(); ++i) {
    if (!CopyColumn((*source->columns)[i].type, source->batch.columns[i],
                    duckdb_data_chunk_get_vector(chunk, i))) {
      duckdb_function_set_error(function, "out of memory");
    }
  }
  duckdb_data_chunk_set_size(chunk, source->batch.rows);
}

base::Result<void> RegisterRows(duckdb_connection connection, RowSource* source) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, "rows_to_write");
  duckdb_table_function_set_extra_info(function, source, nullptr);
  duckdb_table_function_set_bind(function, BindRows);
  duckdb_table_function_set_init(function, InitRows);
  duckdb_table_function_set_function(function, NextRows);
  const auto registered = duckdb_register_table_function(connection, function);
  duckdb_destroy_table_function(&function);
  if (registered != DuckDBSuccess) {
    return domain::MakeError(reason::kInternal, "DuckDB does not take a table function");
  }
  return {};
}

bool HasLists(const std::vector<Column>& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const Column& column) { return column.type == ColumnType::kFloatList; });
}

std::string CopyStatement(const DuckdbPath& path, const std::vector<Column>& columns) {
  return "COPY (SELECT * FROM rows_to_write()) TO " + path.sql() +
         " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, ROW_GROUP_SIZE " +
         std::to_string(HasLists(columns) ? kRowGroupRowsWithLists : kRowGroupRows) + ")";
}

class DuckdbParquetWriter final : public ParquetWriter {
 public:
  DuckdbParquetWriter(fs::path path, std::vector<Column> columns,
                      std::unique_ptr<DuckdbSession> session)
      : path_(std::move(path)),
        columns_(std::move(columns)),
        session_(std::move(session)),
        batch_rows_(HasLists(columns_) ? kBatchRowsWithLists : duckdb_vector_size()),
        source_{.columns = &columns_, .pipe = &pipe_, .batch = {}} {
    batch_.columns.resize(columns_.size());
  }

  ~DuckdbParquetWriter() override {
    if (copy_.joinable()) End(RowPipe::End::kAbandoned).ok();
    if (!is_finished_) ::unlink(path_.c_str());
  }

  base::Result<void> Start() {
    ROLLCALL_TRY(RegisterRows(session_->connection(), &source_));
    try {
      copy_ = std::thread([this] { Copy(); });
    } catch (const std::system_error& error) {
      return base::ErrnoError(error.code().value(), "start a thread for", path_);
    }
    return {};
  }

  void Bool(bool value) override { Fixed(ColumnType::kBool, static_cast<std::uint8_t>(value)); }
  void Int32(std::int32_t value) override { Fixed(ColumnType::kInt32, value); }
  void Int64(std::int64_t value) override { Fixed(ColumnType::kInt64, value); }
  void Float(float value) override { Fixed(ColumnType::kFloat, value); }
  void Double(double value) override { Fixed(ColumnType::kDouble, value); }

  void Text(std::string_view value) override {
    ColumnCells& cells = NextCell(ColumnType::kText);
    cells.is_null.push_back(0);
    cells.text += ToUtf8(value);
    cells.ends.push_back(cells.text.size());
  }

  void FloatList(std::span<const float> values) override {
    ColumnCells& cells = NextCell(ColumnType::kFloatList);
    cells.is_null.push_back(0);
    cells.floats.insert(cells.floats.end(), values.begin(), values.end());
    cells.ends.push_back(cells.floats.size());
  }

  void Null() override {
    ROLLCALL_CHECK(column_ < columns_.size(), "more cells than columns");
    const ColumnType type = columns_[column_].type;
    ColumnCells& cells = NextCell(type);
    cells.is_null.push_back(1);
    cells.fixed.append(FixedBytes(type), '\0');
    if (type == ColumnType::kText) cells.ends.push_back(cells.text.size());
    if (type == ColumnType::kFloatList) cells.ends.push_back(cells.floats.size());
  }

  base::Result<void> EndRow() override {
    ROLLCALL_CHECK(column_ == columns_.size(), "a row of " + path_.string() + " lacks cells");
    ROLLCALL_CHECK(!is_ended_, "a row after Finish");
    column_ = 0;
    ROLLCALL_TRY(state_);
    ++row_count_;
    if (++batch_.rows == batch_rows_) state_ = HandOver();
    return state_;
  }

  base::Result<void> Finish() override {
    ROLLCALL_CHECK(column_ == 0 && !is_ended_, "Finish within a row, or twice");
    is_ended_ = true;
    if (state_.ok() && batch_.rows > 0) state_ = HandOver();
    ROLLCALL_TRY(state_);
    state_ = End(RowPipe::End::kComplete);
    if (state_.ok() && written_rows_ != row_count_) {
      state_ = domain::MakeError(reason::kInternal, "DuckDB left out rows of " + path_.string());
    }
    is_finished_ = state_.ok();
    if (!is_finished_) ::unlink(path_.c_str());
    return state_;
  }

 private:
  ColumnCells& NextCell(ColumnType type) {
    ROLLCALL_CHECK(column_ < columns_.size(), "more cells than columns");
    ROLLCALL_CHECK(columns_[column_].type == type, columns_[column_].name + " has another type");
    return batch_.columns[column_++];
  }

  template <typename T>
  void Fixed(ColumnType type, T value) {
    ColumnCells& cells = NextCell(type);
    cells.is_null.push_back(0);
    cells.fixed.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  base::Result<void> HandOver() {
    if (pipe_.Push(batch_)) return {};
    ROLLCALL_TRY(End(RowPipe::End::kComplete));
    return domain::MakeError(reason::kInternal, "DuckDB stopped writing " + path_.string());
  }

  // Waits for the COPY; what became of it.
  base::Result<void> End(RowPipe::End end) {
    pipe_.Close(end);
    copy_.join();
    return copy_result_;
  }

  // In the thread.
  void Copy() {
    DuckdbResult result;
    const DuckdbPath path(path_);
    const auto done =
        duckdb_query(session_->connection(), CopyStatement(path, columns_).c_str(), result.get());
    if (done == DuckDBSuccess) {
      written_rows_ = duckdb_rows_changed(result.get());
    } else {
      copy_result_ = DuckdbError(result.get(), path_, "ERR_IO");
    }
    pipe_.EndReading();
  }

  const fs::path path_;
  const std::vector<Column> columns_;
  const std::unique_ptr<DuckdbSession> session_;
  const std::size_t batch_rows_;

  RowBatch batch_;          // Being filled.
  std::size_t column_ = 0;  // Of the next cell.
  std::uint64_t row_count_ = 0;
  bool is_ended_ = false;
  bool is_finished_ = false;
  base::Result<void> state_;

  RowPipe pipe_;
  RowSource source_;
  base::Result<void> copy_result_;  // Written by the thread, read after it was joined …
  std::uint64_t written_rows_ = 0;  // … as is this.
  std::thread copy_;
};

}  // namespace

base::Result<std::unique_ptr<ParquetWriter>> ParquetWriter::Create(const fs::path& path,
                                                                   std::vector<Column> columns) {
  ROLLCALL_CHECK(!columns.empty(), "a Parquet file needs a column");
  // Here rather than in DuckDB's words, and at once rather than with the first rows.
  const base::UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, base::kOwnFileMode));
  if (!fd.is_open()) return base::ErrnoError(errno, "create", path);
  auto session = DuckdbSession::Open();
  if (!session.ok()) {
    ::unlink(path.c_str());
    return std::move(session).error();
  }
  // Absolute, so that DuckDB sees a file's name and nothing with a scheme before it.
  auto writer = std::make_unique<DuckdbParquetWriter>(fs::absolute(path), std::move(columns),
                                                      std::move(session).value());
  ROLLCALL_TRY(writer->Start());
  return base::Result<std::unique_ptr<ParquetWriter>>(std::move(writer));
}

}  // namespace rollcall::artifacts
