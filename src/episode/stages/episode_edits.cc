#include "episode/stages/episode_edits.h"

#include <algorithm>
#include <utility>

#include "base/file.h"

namespace rollcall::episode {

using base::Json;

EditsOf StandingEdits(std::span<const store::Edit> log) {
  EditsOf edits;
  std::string said;
  for (const store::Edit& line : log) {
    const Json body = base::ObjectFrom(line.body_json);
    if (body.contains("label"))
      edits.last_label = std::max(edits.last_label, body.value("label", 0));
    const bool is_of_store = line.kind == store::kUndoKind || line.kind == store::kRedoKind;
    if (line.undone_by || is_of_store) continue;
    if (line.kind != kLabelKind) said += line.kind + line.body_json + "\n";
    edits.standing.push_back(
        {{"sequence", line.sequence}, {"kind", line.kind}, {"body", std::move(body)}});
  }
  if (!said.empty()) edits.digest = base::Sha256(said);
  return edits;
}

base::Result<std::vector<people::Edit>> ParseEdits(const EditsOf& edits) {
  std::vector<people::Edit> parsed;
  for (const Json& edit : edits.standing) {
    ROLLCALL_TRY_ASSIGN(parsed.emplace_back(),
                        people::EditFrom(edit.at("sequence").get<std::int64_t>(),
                                         edit.at("kind").get<std::string>(), edit.at("body")));
  }
  return parsed;
}

}  // namespace rollcall::episode
