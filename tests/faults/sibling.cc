#include "sibling.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

namespace rollcall::faults {

using base::Json;

namespace {

Row RowFrom(const Json& json) {
  Row row{.name = json.at("name").get<std::string>()};
  row.rounds = json.at("rounds").get<int>();
  row.hits = json.at("hits").get<std::map<std::string, int>>();
  row.noted = json.at("noted").get<std::map<std::string, std::int64_t>>();
  row.violations = json.at("violations").get<std::vector<std::string>>();
  row.skipped = json.at("skipped").get<std::string>();
  for (const Json& ms : json.at("recoveries_ms")) {
    row.Recovered(std::chrono::milliseconds{ms.get<std::int64_t>()});
  }
  return row;
}

// What a program prints of a trial.
std::vector<Row> RowsOf(const std::string& command, const std::string& trial) {
  std::string text;
  std::FILE* const pipe = ::popen(command.c_str(), "re");
  std::array<char, 4096> bytes{};
  while (pipe != nullptr) {
    const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe);
    if (count == 0) break;
    text.append(bytes.data(), count);
  }
  const int status = pipe == nullptr ? -1 : ::pclose(pipe);
  const auto json = base::ParseJson(text, trial);
  std::vector<Row> rows;
  if (json.ok()) {
    for (const Json& row : *json) rows.push_back(RowFrom(row));
  }
  if (status == 0 && !rows.empty()) return rows;
  rows.push_back({.name = trial});
  rows.back().violations.push_back(fmt::format("its process ended with {}", status));
  return rows;
}

}  // namespace

Json RowsToJson(const std::vector<Row>& rows) {
  Json list = Json::array();
  for (const Row& row : rows) {
    Json recoveries = Json::array();
    for (const auto& after : row.recoveries) recoveries.push_back(after.count());
    list.push_back({{"name", row.name},
                    {"rounds", row.rounds},
                    {"hits", row.hits},
                    {"noted", row.noted},
                    {"violations", row.violations},
                    {"skipped", row.skipped},
                    {"recoveries_ms", std::move(recoveries)}});
  }
  return list;
}

std::vector<Row> RunInSibling(const std::string& trial, int volume) {
  return RowsOf(fmt::format("exec '{}/store_faults' {} {}", ROLLCALL_BIN_DIR, trial, volume),
                trial);
}

std::vector<Row> RunInOwnProcess(const std::string& trial, int volume) {
  return RowsOf(
      fmt::format("exec '{}/faults' --only {} --volume {} --rows", ROLLCALL_BIN_DIR, trial, volume),
      trial);
}

}  // namespace rollcall::faults
