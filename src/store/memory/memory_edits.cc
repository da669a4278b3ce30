#include <algorithm>
#include <tuple>

#include "store/memory/memory_ledger.h"
#include "store/memory/undoable_map.h"

namespace rollcall::store {

using base::Result;

Result<void> MemoryLedger::EditInsert(const Subject& subject, const Edit& edit) {
  Set(edits_, {subject.kind, subject.id, edit.sequence}, edit);
  return {};
}

Result<void> MemoryLedger::EditSetUndone(const Subject& subject, std::int64_t sequence,
                                         std::optional<std::int64_t> undone_by) {
  auto edit = Find(edits_, {subject.kind, subject.id, sequence});
  if (!edit) return NotOneRow("edit");
  edit->undone_by = undone_by;
  Set(edits_, {subject.kind, subject.id, sequence}, *edit);
  return {};
}

Result<std::vector<Edit>> MemoryLedger::Edits(const Subject& subject) {
  std::vector<Edit> edits;
  for (auto at = edits_.lower_bound({subject.kind, subject.id, 0}); at != edits_.end(); ++at) {
    if (std::tie(std::get<0>(at->first), std::get<1>(at->first)) !=
        std::tie(subject.kind, subject.id)) {
      break;
    }
    edits.push_back(at->second);
  }
  return edits;
}

Result<std::int64_t> MemoryLedger::EditLast(const Subject& subject) {
  ROLLCALL_TRY_ASSIGN(const auto edits, Edits(subject));
  return edits.empty() ? std::int64_t{0} : edits.back().sequence;
}

Result<std::vector<Edit>> MemoryLedger::EditsOfKey(const Subject& subject,
                                                   std::string_view idempotency_key) {
  ROLLCALL_TRY_ASSIGN(auto edits, Edits(subject));
  std::erase_if(edits, [&](const Edit& edit) { return edit.idempotency_key != idempotency_key; });
  return edits;
}

Result<std::vector<Subject>> MemoryLedger::EditSubjects() {
  std::vector<Subject> subjects;
  for (const auto& [key, edit] : edits_) {
    const Subject subject{.kind = std::get<0>(key), .id = std::get<1>(key)};
    if (subjects.empty() || subjects.back() != subject) subjects.push_back(subject);
  }
  return subjects;
}

}  // namespace rollcall::store
