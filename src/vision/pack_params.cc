#include "vision/pack_params.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "domain/reasons.h"

namespace rollcall::vision {

template <typename T>
const T* ParamReader::Find(std::string_view key, bool is_needed, std::string_view type) {
  used_.emplace(key);
  const auto found = table_.find(key);
  if (found == table_.end()) {
    if (is_needed) Reject(fmt::format("'{}' is missing", key));
    return nullptr;
  }
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) Reject(fmt::format("'{}' is not {}", key, type));
  return value;
}

std::optional<double> ParamReader::FindNumber(std::string_view key, ParamRange range,
                                              bool is_needed) {
  const double* value = Find<double>(key, is_needed, "a number");
  if (value == nullptr) return std::nullopt;
  if (!(*value >= range.min && *value <= range.max)) {
    Reject(fmt::format("'{}' is {}, not in {}…{}", key, *value, range.min, range.max));
    return std::nullopt;
  }
  return *value;
}

std::optional<int> ParamReader::FindInt(std::string_view key, ParamRange range, bool is_needed) {
  const std::optional<double> value = FindNumber(key, range, is_needed);
  if (!value) return std::nullopt;
  if (*value != std::floor(*value)) {
    Reject(fmt::format("'{}' is {}, not a whole number", key, *value));
    return std::nullopt;
  }
  return static_cast<int>(*value);
}

float ParamReader::Number(std::string_view key, ParamRange range) {
  return static_cast<float>(FindNumber(key, range, true).value_or(range.min));
}

float ParamReader::NumberOr(std::string_view key, ParamRange range, float fallback) {
  const std::optional<double> value = FindNumber(key, range, false);
  return value ? static_cast<float>(*value) : fallback;
}

int ParamReader::Int(std::string_view key, ParamRange range) {
  return FindInt(key, range, true).value_or(static_cast<int>(range.min));
}

int ParamReader::IntOr(std::string_view key, ParamRange range, int fallback) {
  return FindInt(key, range, false).value_or(fallback);
}

std::string ParamReader::Word(std::string_view key,
                              std::initializer_list<std::string_view> allowed) {
  const std::string* value = Find<std::string>(key, true, "a word");
  if (value == nullptr) return std::string(*allowed.begin());
  if (std::ranges::find(allowed, *value) == allowed.end()) {
    Reject(fmt::format("'{}' is \"{}\", not one of: {}", key, *value, fmt::join(allowed, ", ")));
  }
  return *value;
}

std::string ParamReader::WordOr(std::string_view key, std::string fallback) {
  const std::string* value = Find<std::string>(key, false, "a word");
  return value == nullptr ? std::move(fallback) : *value;
}

std::vector<std::string> ParamReader::Words(std::string_view key, std::size_t count_min) {
  const auto* value = Find<std::vector<std::string>>(key, true, "a list of words");
  if (value == nullptr) return {};
  if (value->size() < count_min) {
    Reject(fmt::format("'{}' has {} words, at least {} are needed", key, value->size(), count_min));
  }
  return *value;
}

std::vector<std::string> ParamReader::WordsOr(std::string_view key) {
  const auto* value = Find<std::vector<std::string>>(key, false, "a list of words");
  return value == nullptr ? std::vector<std::string>{} : *value;
}

void ParamReader::Reject(std::string message) {
  if (mistake_) return;
  mistake_ = domain::MakeError(domain::reason::kBadConfig, fmt::format("{}: {}", where_, message),
                               "correct the pack's pack.toml, or install the pack again");
}

base::Result<void> ParamReader::Finish() const {
  if (mistake_) return *mistake_;
  for (const auto& [key, value] : table_) {
    if (used_.contains(key)) continue;
    return domain::MakeError(domain::reason::kBadConfig,
                             fmt::format("{}: nothing is known of '{}'", where_, key),
                             "correct the pack's pack.toml, or install the pack again");
  }
  return {};
}

}  // namespace rollcall::vision
