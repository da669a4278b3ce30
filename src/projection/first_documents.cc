#include "projection/first_documents.h"

#include <algorithm>

#include "base/file.h"
#include "projection/gather.h"

namespace rollcall::projection {

using base::Result;

Result<bool> WriteFirstDocuments(store::JobStore& store, vault::Vault& vault,
                                 const std::filesystem::path& data_dir, const NewSubject& subject) {
  const subject::SubjectProjection& projection = subject.kind.projection;
  if (!projection.has_documents()) return true;
  ROLLCALL_TRY_ASSIGN(const auto facts, GatherSubject(store, vault, subject.kind, subject.id));
  const bool has_runs = std::ranges::any_of(
      facts.stages, [](const subject::StageFacts& stage) { return stage.shown.has_value(); });
  if (has_runs) return false;
  ROLLCALL_TRY_ASSIGN(const auto registry, projection.Registry(store, facts));
  ROLLCALL_TRY_ASSIGN(const auto activity, projection.Activity(store, facts, subject.created_at));
  for (const subject::Document* document : {&registry, &activity}) {
    const std::filesystem::path path = data_dir / document->path;
    ROLLCALL_TRY(base::MakeFoldersIn(data_dir, path.parent_path()));
    ROLLCALL_TRY(base::WriteFileAtomic(path, document->text));
  }
  return true;
}

}  // namespace rollcall::projection
