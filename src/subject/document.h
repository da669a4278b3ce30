#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/json.h"

namespace rollcall::subject {

// A file for people and scripts, which nothing in Rollcall reads back to learn a state.
struct Document {
  std::filesystem::path path;  // Relative to the data directory.
  std::string text;            // Of DocumentText.
};

inline constexpr int kDocumentSchema = 1;
// {schema, epoch, seq}: how each document begins. `seq` is the newest change that it tells of.
base::Json DocumentHeading(const std::string& epoch, std::int64_t seq);
// Ends with a line feed; what is no UTF-8 is replaced.
std::string DocumentText(const base::Json& document);

}  // namespace rollcall::subject
