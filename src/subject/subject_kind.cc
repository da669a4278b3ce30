#include "subject/subject_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "domain/reasons.h"

namespace rollcall::subject {
namespace {

base::Error BadKinds(std::string message) {
  return domain::MakeError(domain::reason::kBadConfig, std::move(message));
}

}  // namespace

base::Result<SubjectKinds> SubjectKinds::Create(std::vector<SubjectKind> kinds) {
  if (kinds.empty()) return BadKinds("there are no kinds of subjects");
  std::set<std::string> names;
  std::set<std::string> stages;
  std::set<std::string> areas;
  for (const SubjectKind& kind : kinds) {
    if (!names.insert(kind.name).second) {
      return BadKinds(fmt::format("there are two kinds {}", kind.name));
    }
    for (const Area& area : kind.files.Areas()) {
      if (!areas.insert(area.name).second) {
        return BadKinds(fmt::format("two kinds have the area {}", area.name));
      }
    }
    for (const StageRow& row : kind.stages.rows()) {
      if (!stages.insert(row.name).second) {
        return BadKinds(fmt::format("there are two stages {}", row.name));
      }
    }
  }
  SubjectKinds made(std::move(kinds));
  if (made.Runnable().empty()) return BadKinds("there are no stages");
  return made;
}

const SubjectKind* SubjectKinds::Find(std::string_view kind) const {
  const auto found = std::ranges::find(kinds_, kind, &SubjectKind::name);
  return found == kinds_.end() ? nullptr : &*found;
}

KindStage SubjectKinds::OfStage(std::string_view stage) const {
  for (const SubjectKind& kind : kinds_) {
    if (const StageRow* row = kind.stages.Find(stage)) return {.kind = &kind, .row = row};
  }
  return {};
}

std::vector<std::string> SubjectKinds::Runnable() const {
  std::vector<std::string> names;
  for (const SubjectKind& kind : kinds_) {
    for (const StageRow* row : kind.stages.Runnable()) names.push_back(row->name);
  }
  return names;
}

std::unique_ptr<domain::StageHandler> SubjectKinds::HandlerOf(std::string_view stage,
                                                              const HandlerOptions& options) const {
  const KindStage found = OfStage(stage);
  return found.row != nullptr && found.row->handler ? found.row->handler(options) : nullptr;
}

}  // namespace rollcall::subject
