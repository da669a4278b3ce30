#include "housekeeping/subject_removal.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "domain/reasons.h"

namespace rollcall::housekeeping {
namespace {

std::vector<std::string> FoldersOf(const subject::SubjectKind& kind, std::string_view id) {
  std::vector<std::string> folders;
  for (const subject::Area& area : kind.files.Areas()) {
    folders.push_back(fmt::format("{}/{}", area.name, id));
  }
  for (const subject::StageRow& row : kind.stages.rows()) {
    folders.push_back(fmt::format("jobs/{}_{}", row.name, id));
  }
  return folders;
}

}  // namespace

bool HasSubjectFiles(vault::Vault& vault, const subject::SubjectKind& kind, std::string_view id) {
  return std::ranges::any_of(FoldersOf(kind, id), [&](const std::string& folder) {
    const auto entry = vault.Look(folder);  // What cannot be looked at cannot be removed either.
    return entry.ok() && entry->has_value();
  });
}

base::Result<void> RemoveSubjectFiles(vault::Vault& vault, const subject::SubjectKind& kind,
                                      std::string_view id) {
  for (const std::string& folder : FoldersOf(kind, id)) {
    if (const auto removed = vault.Remove(folder); !removed.ok()) {
      return domain::MakeError(domain::reason::kPermission, removed.error().message);
    }
  }
  return {};
}

}  // namespace rollcall::housekeeping
