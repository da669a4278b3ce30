#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"

namespace rollcall::cli {

// Columns for a person: each as wide as its widest cell, two spaces between them, no rules. A
// terminal wraps a line that is too long: what is cut off cannot be read.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  // As many cells as heads. A cell may be painted.
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool is_empty() const { return rows_.empty(); }
  std::string ToString(const Paint& paint) const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace rollcall::cli
