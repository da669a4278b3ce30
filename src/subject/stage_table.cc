#include "subject/stage_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rollcall::subject {

StageTable::StageTable(std::vector<StageRow> rows) : rows_(std::move(rows)) {
  for (auto row = rows_.begin(); row != rows_.end(); ++row) {
    const auto stands_before = [&](std::string_view name) {
      return std::any_of(rows_.begin(), row, [&](const StageRow& before) {
        return before.name == name && before.handler;
      });
    };
    const auto is_twin = [&](const StageRow& before) { return before.name == row->name; };
    ROLLCALL_CHECK(row->name.find('_') == std::string::npos, "a stage's name has a '_'");
    ROLLCALL_CHECK(!row->name.empty() && std::none_of(rows_.begin(), row, is_twin),
                   "two stages have one name");
    ROLLCALL_CHECK(std::ranges::all_of(row->needs, stands_before),
                   "a stage needs one that does not stand before it");
  }
}

const StageRow* StageTable::Find(std::string_view name) const {
  const auto found = std::ranges::find(rows_, name, &StageRow::name);
  return found == rows_.end() ? nullptr : &*found;
}

std::vector<const StageRow*> StageTable::Runnable() const {
  std::vector<const StageRow*> runnable;
  for (const StageRow& row : rows_) {
    if (row.handler) runnable.push_back(&row);
  }
  return runnable;
}

bool StageTable::DependsOn(std::string_view name, std::string_view from) const {
  const StageRow* row = Find(name);
  if (row == nullptr) return false;
  if (name == from) return true;
  return std::ranges::any_of(row->needs,
                             [&](const std::string& need) { return DependsOn(need, from); });
}

std::vector<const StageRow*> StageTable::UpTo(std::string_view name) const {
  std::vector<const StageRow*> wanted = Runnable();
  std::erase_if(wanted, [&](const StageRow* row) { return !DependsOn(name, row->name); });
  const bool is_there = !wanted.empty() && wanted.back()->name == name;
  return is_there ? wanted : std::vector<const StageRow*>{};
}

std::vector<std::string> StageTable::Before(std::string_view name) const {
  std::vector<std::string> names;
  for (const StageRow* row : UpTo(name)) {
    if (row->name != name) names.push_back(row->name);
  }
  std::ranges::reverse(names);
  return names;
}

base::Json StageTable::Revisions() const {
  base::Json revisions = base::Json::object();
  for (const StageRow* row : Runnable()) revisions[row->name] = row->revision;
  return revisions;
}

bool StageTable::IsOfOlderRevision(const std::string& json_text) const {
  const base::Json json = base::Json::parse(json_text, nullptr, /*allow_exceptions=*/false);
  const bool is_said = json.is_object() && json.contains("revisions");
  return !is_said || json["revisions"] != Revisions();
}

bool StageTable::IsOfOlderRevision(const std::string& json_text, std::string_view stage) const {
  const base::Json json = base::ObjectFrom(json_text);
  const base::Json said = json.value("revisions", base::Json::object());
  for (const StageRow* row : UpTo(stage)) {
    if (said.value(row->name, 0) != row->revision) return true;
  }
  return false;
}

}  // namespace rollcall::subject
