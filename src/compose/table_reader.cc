#include "compose/table_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "domain/reasons.h"

namespace rollcall::compose {

void Mistakes::Note(int line, std::string_view message) {
  if (first_) return;
  first_ = domain::MakeError(domain::reason::kBadParams,
                             fmt::format("{}:{}: {}", document_, line, message),
                             "docs/composed-episodes.md describes the format");
}

base::Result<void> Mistakes::Finish() const {
  if (first_) return *first_;
  return {};
}

const toml::node* TableReader::Take(std::string_view key) {
  taken_.emplace_back(key);
  return table_.get(key);
}

void TableReader::FailAt(std::string_view key, std::string_view message) {
  const toml::node* node = table_.get(key);
  const int at = node == nullptr ? line() : static_cast<int>(node->source().begin.line);
  mistakes_.Note(at, fmt::format("{}: `{}` {}", what_, key, message));
}

double TableReader::Number(std::string_view key, double fallback, Range range) {
  const toml::node* node = Take(key);
  if (node == nullptr) return fallback;
  const std::optional<double> value = node->value<double>();
  if (!value || !(*value >= range.least && *value <= range.most)) {
    FailAt(key, fmt::format("must be a number from {} to {}", range.least, range.most));
    return fallback;
  }
  return *value;
}

std::int64_t TableReader::Integer(std::string_view key, std::int64_t fallback, Range range) {
  const toml::node* node = Take(key);
  if (node == nullptr) return fallback;
  const std::optional<std::int64_t> value = node->value_exact<std::int64_t>();
  if (!value || static_cast<double>(*value) < range.least ||
      static_cast<double>(*value) > range.most) {
    FailAt(key, fmt::format("must be a whole number from {} to {}", range.least, range.most));
    return fallback;
  }
  return *value;
}

bool TableReader::Flag(std::string_view key, bool fallback) {
  const toml::node* node = Take(key);
  if (node == nullptr) return fallback;
  const std::optional<bool> value = node->value_exact<bool>();
  if (!value) FailAt(key, "must be true or false");
  return value.value_or(fallback);
}

std::string TableReader::Text(std::string_view key, std::string fallback) {
  const toml::node* node = Take(key);
  if (node == nullptr) return fallback;
  std::optional<std::string> value = node->value_exact<std::string>();
  if (!value || value->empty()) {
    FailAt(key, "must be a text");
    return fallback;
  }
  return *std::move(value);
}

std::vector<double> TableReader::Numbers(std::string_view key, std::size_t count, Range range) {
  const toml::node* node = Take(key);
  if (node == nullptr) return {};
  std::vector<double> numbers;
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& each : *array) {
      const std::optional<double> value = each.value<double>();
      if (value && *value >= range.least && *value <= range.most) numbers.push_back(*value);
    }
    if (numbers.size() == count && array->size() == count) return numbers;
  }
  FailAt(key, fmt::format("must be {} numbers from {} to {}", count, range.least, range.most));
  return {};
}

std::vector<std::string> TableReader::Texts(std::string_view key) {
  const toml::node* node = Take(key);
  if (node == nullptr) return {};
  std::vector<std::string> texts;
  if (const std::optional<std::string> one = node->value_exact<std::string>()) return {*one};
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& each : *array) {
      if (const auto text = each.value_exact<std::string>()) texts.push_back(*text);
    }
    if (!texts.empty() && texts.size() == array->size()) return texts;
  }
  FailAt(key, "must be a text or a list of texts");
  return {};
}

const toml::table* TableReader::Table(std::string_view key) {
  const toml::node* node = Take(key);
  if (node == nullptr) return nullptr;
  if (const toml::table* table = node->as_table()) return table;
  FailAt(key, "must be a table");
  return nullptr;
}

std::vector<const toml::table*> TableReader::Tables(std::string_view key) {
  const toml::node* node = Take(key);
  if (node == nullptr) return {};
  std::vector<const toml::table*> tables;
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& each : *array) {
      if (const toml::table* table = each.as_table()) tables.push_back(table);
    }
    if (tables.size() == array->size()) return tables;
  }
  FailAt(key, "must be a list of tables");
  return {};
}

void TableReader::NoOthers() {
  for (const auto& [key, node] : table_) {
    if (std::find(taken_.begin(), taken_.end(), key.str()) == taken_.end()) {
      FailAt(key.str(), "is not a key of it");
    }
  }
}

}  // namespace rollcall::compose
