#include "failpoints.h"

#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "base/file.h"
#include "floors.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;

// The names in one source file; "" for a call whose name is no literal.
std::set<std::string> NamesIn(const std::string& source) {
  static const std::regex kCall(R"re(\bFailpoint\(\s*(?:fmt::format\(\s*)?(?:"([^"]*)")?)re");
  std::set<std::string> names;
  for (std::sregex_iterator it(source.begin(), source.end(), kCall), end; it != end; ++it) {
    names.insert((*it)[1]);
  }
  return names;
}

std::set<std::string> NamesInSources(Row& row) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(ROLLCALL_SOURCE_DIR "/src")) {
    const std::string file = entry.path().filename().string();
    const bool is_theirs = file.starts_with("failpoint") || file.ends_with("_test.cc");
    if (is_theirs || (!file.ends_with(".cc") && !file.ends_with(".h"))) continue;
    const auto source = base::ReadFile(entry.path());
    if (!source.ok()) row.violations.push_back(source.error().ToString());
    names.merge(NamesIn(source.ok() ? *source : ""));
  }
  return names;
}

std::set<std::string> NamesInTrials() {
  std::set<std::string> names;
  names.insert(kWorkerFailpoints.begin(), kWorkerFailpoints.end());
  names.insert(kOwnerFailpoints.begin(), kOwnerFailpoints.end());
  names.insert(kShippedFailpoints.begin(), kShippedFailpoints.end());
  names.insert(kDiskFailpoints.begin(), kDiskFailpoints.end());
  names.insert(kSlowFailpoints.begin(), kSlowFailpoints.end());
  return names;
}

}  // namespace

Row FailpointList() {
  Row row{.name = "failpoints, all listed"};
  const std::set<std::string> there = NamesInSources(row);
  const std::set<std::string> listed = NamesInTrials();
  for (const std::string& name : there) {
    ++row.rounds;
    if (name.empty()) {
      row.violations.emplace_back("a failpoint's name cannot be read from the sources");
    } else if (!listed.contains(name)) {
      row.violations.push_back(name + " is in no trial");
    }
  }
  for (const std::string& name : listed) {
    if (!there.contains(name)) row.violations.push_back(name + " is not in the sources any more");
  }
  CheckFloor("failpoints", row.rounds, row);
  return row;
}

}  // namespace rollcall::faults
