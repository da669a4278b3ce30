#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace rollcall::vision {

using ParamValue = std::variant<bool, double, std::string, std::vector<std::string>>;
// What stands in one role's table of pack.toml beyond its file: numbers, words, lists of words.
using ParamTable = std::map<std::string, ParamValue, std::less<>>;

struct ParamRange {
  double min = 0;
  double max = 0;
};

// Reads a ParamTable with limits and keeps the first mistake, so that a decoder kind can name all
// its parameters in a row and ask once at the end. Borrows the table.
class ParamReader {
 public:
  // `where` opens every message: "pack default, [detector]".
  ParamReader(const ParamTable& table, std::string where)
      : table_(table), where_(std::move(where)) {}

  float Number(std::string_view key, ParamRange range);
  float NumberOr(std::string_view key, ParamRange range, float fallback);
  int Int(std::string_view key, ParamRange range);
  int IntOr(std::string_view key, ParamRange range, int fallback);
  std::string Word(std::string_view key, std::initializer_list<std::string_view> allowed);
  std::string WordOr(std::string_view key, std::string fallback);
  std::vector<std::string> Words(std::string_view key, std::size_t count_min);
  // Empty if there are none.
  std::vector<std::string> WordsOr(std::string_view key);
  bool Has(std::string_view key) const { return table_.contains(key); }

  // A mistake that only the caller can see.
  void Reject(std::string message);
  // The first mistake, or a key that nobody asked for: ERR_BAD_CONFIG.
  base::Result<void> Finish() const;

 private:
  // Null if it is not there or not a T; `is_needed` makes the first a mistake too.
  template <typename T>
  const T* Find(std::string_view key, bool is_needed, std::string_view type);
  std::optional<double> FindNumber(std::string_view key, ParamRange range, bool is_needed);
  std::optional<int> FindInt(std::string_view key, ParamRange range, bool is_needed);

  const ParamTable& table_;
  std::string where_;
  std::set<std::string, std::less<>> used_;
  std::optional<base::Error> mistake_;
};

}  // namespace rollcall::vision
