#pragma once

#include <toml++/toml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rollcall::compose {

// The first mistake in a TOML document; later ones are not kept.
class Mistakes {
 public:
  explicit Mistakes(std::string document) : document_(std::move(document)) {}

  void Note(int line, std::string_view message);
  bool any() const { return first_.has_value(); }
  // Ok, or the first mistake as kInvalidArgument / ERR_BAD_PARAMS.
  base::Result<void> Finish() const;

 private:
  std::string document_;
  std::optional<base::Error> first_;
};

// Reads one table key by key. A key of the wrong type, a number out of range and, at the end, a key
// that nobody asked for are noted in `mistakes` with their lines; what is returned then is the
// fallback. Borrows both arguments.
class TableReader {
 public:
  struct Range {
    double least;
    double most;
  };

  TableReader(const toml::table& table, std::string what, Mistakes& mistakes)
      : table_(table), what_(std::move(what)), mistakes_(mistakes) {}

  int line() const { return static_cast<int>(table_.source().begin.line); }
  bool Has(std::string_view key) const { return table_.contains(key); }

  double Number(std::string_view key, double fallback, Range range);
  std::int64_t Integer(std::string_view key, std::int64_t fallback, Range range);
  std::string Text(std::string_view key, std::string fallback);
  bool Flag(std::string_view key, bool fallback);
  // Exactly `count` numbers, or nothing when the key is missing.
  std::vector<double> Numbers(std::string_view key, std::size_t count, Range range);
  // One text or a list of texts.
  std::vector<std::string> Texts(std::string_view key);
  const toml::table* Table(std::string_view key);
  // The tables of a list; anything else in it is a mistake.
  std::vector<const toml::table*> Tables(std::string_view key);

  void Fail(std::string_view message) { mistakes_.Note(line(), message); }
  void FailAt(std::string_view key, std::string_view message);
  // Call last: the keys that are left are mistakes.
  void NoOthers();

 private:
  const toml::node* Take(std::string_view key);

  const toml::table& table_;
  std::string what_;
  Mistakes& mistakes_;
  std::vector<std::string> taken_;
};

}  // namespace rollcall::compose
