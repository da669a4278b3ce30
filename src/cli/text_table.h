#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"

namespace rollcall::cli {

// Columns for a person: each as wide as its widest cell, two spaces between them, no rules. Nothing
// is cut off: what is cut off cannot be read.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  // As many cells as heads. A cell may be painted.
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool is_empty() const { return rows_.empty(); }
  // `width`: columns of a terminal, to which the last column is broken at its spaces; 0 for a file
  // or a pipe, where a row is a line.
  std::string ToString(const Paint& paint, int width = 0) const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace rollcall::cli
