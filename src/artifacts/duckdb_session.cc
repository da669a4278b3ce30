#include "artifacts/duckdb_session.h"

#include <fcntl.h>

#include <array>
#include <utility>

#include "base/file.h"
#include "base/utf8.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace reason = domain::reason;

// What DuckDB holds is one row group and the compressed pages of it; see parquet_writer.cc.
constexpr std::array<std::pair<const char*, const char*>, 9> kSettings{{
    {"threads", "1"},
    {"memory_limit", "256MB"},
    {"temp_directory", ""},
    {"preserve_insertion_order", "true"},
    {"autoinstall_known_extensions", "false"},
    {"autoload_known_extensions", "false"},
    {"allow_community_extensions", "false"},
    {"allow_persistent_secrets", "false"},
    {"enable_external_file_cache", "false"},
}};

std::string Quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    quoted += c;
    if (c == quote) quoted += c;
  }
  quoted += quote;
  return quoted;
}

}  // namespace

base::Result<std::unique_ptr<DuckdbSession>> DuckdbSession::Open() {
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) != DuckDBSuccess) {
    return domain::MakeError(reason::kInternal, "cannot configure DuckDB");
  }
  for (const auto& [name, value] : kSettings) {
    if (duckdb_set_config(config, name, value) != DuckDBSuccess) {
      duckdb_destroy_config(&config);
      return domain::MakeError(reason::kInternal,
                               "DuckDB has no setting " + std::string(name) + " = " + value);
    }
  }
  std::unique_ptr<DuckdbSession> session(new DuckdbSession);
  char* message = nullptr;
  const auto opened = duckdb_open_ext(nullptr, &session->database_, config, &message);
  duckdb_destroy_config(&config);
  if (opened != DuckDBSuccess) {
    const std::string text = message == nullptr ? "" : message;
    duckdb_free(message);
    return domain::MakeError(reason::kInternal, "cannot open DuckDB: " + text);
  }
  if (duckdb_connect(session->database_, &session->connection_) != DuckDBSuccess) {
    return domain::MakeError(reason::kInternal, "cannot connect to DuckDB");
  }
  return session;
}

DuckdbSession::~DuckdbSession() {
  duckdb_disconnect(&connection_);
  duckdb_close(&database_);
}

base::Error DuckdbError(duckdb_result* result, const std::filesystem::path& path,
                        std::string_view otherwise) {
  const char* text = duckdb_result_error(result);
  const std::string message = text == nullptr ? "unknown error" : text;
  // DuckDB keeps the errno only in its sentence.
  for (const std::string_view full : {"No space left on device", "Disk quota exceeded"}) {
    if (message.find(full) != std::string::npos) {
      auto error =
          domain::MakeError(reason::kDiskFull, "cannot write " + path.string() + ": " + message);
      std::error_code is_gone;
      const auto written = std::filesystem::file_size(path, is_gone);
      // What there was room for, and the row group that there was none for.
      constexpr std::int64_t kRowGroupBytes = 4 << 20;
      return base::WantingBytes(
          std::move(error), (is_gone ? 0 : static_cast<std::int64_t>(written)) + kRowGroupBytes);
    }
  }
  if (duckdb_result_error_type(result) == DUCKDB_ERROR_OUT_OF_MEMORY) {
    // Its advice, from the second line on, is for people who write SQL.
    return domain::MakeError(reason::kOutOfMemory, path.string() +
                                                       " needs more memory than DuckDB may use: " +
                                                       message.substr(0, message.find('\n')));
  }
  return domain::MakeError(otherwise, path.string() + ": " + message);
}

DuckdbPath::DuckdbPath(const std::filesystem::path& path)
    : text_(std::filesystem::absolute(path).string()) {
  if (base::IsUtf8(text_)) return;
  folder_ = base::UniqueFd(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  text_ = "/proc/self/fd/" + std::to_string(folder_.get()) + "/" + path.filename().string();
}

std::string SqlText(std::string_view text) { return Quoted(text, '\''); }

std::string SqlName(std::string_view name) { return Quoted(name, '"'); }

}  // namespace rollcall::artifacts
