#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "domain/reasons.h"
#include "store/ledger_store.h"

namespace rollcall::store {

using base::Json;
using base::Result;
namespace reason = domain::reason;

namespace {

constexpr std::size_t kEditKeySizeMax = 200;

bool IsOfStore(const Edit& edit) { return edit.kind == kUndoKind || edit.kind == kRedoKind; }

// What two requests with one key must agree in; each part says how long it is.
std::string AskedOf(std::span<const NewEdit> edits) {
  std::string asked;
  for (const NewEdit& edit : edits) {
    asked += fmt::format("{}:{}{}:{}", edit.kind.size(), edit.kind, edit.body_json.size(),
                         edit.body_json);
  }
  return base::Sha256(asked);
}

// Lines of one subject's log, by one author.
class EditWriter {
 public:
  EditWriter(Ledger& ledger, const Subject& subject, const EditAuthor& author, Moment now)
      : ledger_(ledger), subject_(subject), author_(author), now_(std::move(now)) {}

  Result<std::vector<Edit>> Append(std::span<const NewEdit> edits) {
    ROLLCALL_TRY(Check(edits));
    ROLLCALL_TRY_ASSIGN(auto answered, FindAnswered(AskedOf(edits)));
    if (!answered.empty()) return answered;
    return Write(edits);
  }

  // The lines that the author's key was answered with. `edits_sha256`: of the edits that he asks
  // for, where he does not say it in words.
  Result<std::vector<Edit>> FindAnswered(const std::string& edits_sha256) {
    if (!author_.idempotency_key) return std::vector<Edit>();
    const std::size_t size = author_.idempotency_key->size();
    if (size == 0 || size > kEditKeySizeMax) {
      return domain::MakeError(
          reason::kBadParams,
          fmt::format("an idempotency key has 1 to {} bytes, not {}", kEditKeySizeMax, size));
    }
    ROLLCALL_TRY_ASSIGN(auto lines, ledger_.EditsOfKey(subject_, *author_.idempotency_key));
    std::erase_if(lines,
                  [&](const Edit& line) { return line.at <= now_.wall - kIdempotencyKeyAge; });
    if (lines.empty() || lines.front().asked_sha256 == AskedSha256(edits_sha256)) return lines;
    return domain::MakeError(
        reason::kIdempotencyKeyReused,
        fmt::format("the idempotency key was sent with another request before, which wrote {}",
                    lines.front().sequence));
  }

  Result<Edit> Undo(std::optional<std::int64_t> sequence, std::string_view ours) {
    const std::vector<NewEdit> asked{Naming(kUndoKind, sequence)};
    ROLLCALL_TRY_ASSIGN(auto answered, FindAnswered(AskedOf(asked)));
    if (!answered.empty()) return std::move(answered.front());
    ROLLCALL_TRY_ASSIGN(const auto edits, ledger_.Edits(subject_));
    const auto stands = [&](const Edit& edit) {
      const bool is_meant = !sequence || edit.sequence == *sequence;
      return is_meant && !edit.undone_by && !IsOfStore(edit) && edit.kind != ours;
    };
    const auto found = std::find_if(edits.rbegin(), edits.rend(), stands);
    if (found == edits.rend()) return Nothing(reason::kNothingToUndo, sequence, "stands");
    ROLLCALL_TRY_ASSIGN(Edit line, WriteOne(kUndoKind, found->sequence, AskedOf(asked)));
    ROLLCALL_TRY(ledger_.EditSetUndone(subject_, found->sequence, line.sequence));
    return line;
  }

  Result<Edit> Redo(std::optional<std::int64_t> sequence, std::string_view ours) {
    const std::vector<NewEdit> asked{Naming(kRedoKind, sequence)};
    ROLLCALL_TRY_ASSIGN(auto answered, FindAnswered(AskedOf(asked)));
    if (!answered.empty()) return std::move(answered.front());
    ROLLCALL_TRY_ASSIGN(const auto edits, ledger_.Edits(subject_));
    const auto undone = sequence ? Undone(edits, *sequence) : NewestUndone(edits, ours);
    if (!undone) return Nothing(reason::kNothingToRedo, sequence, "is undone");
    ROLLCALL_TRY_ASSIGN(Edit line, WriteOne(kRedoKind, *undone, AskedOf(asked)));
    ROLLCALL_TRY(ledger_.EditSetUndone(subject_, *undone, std::nullopt));
    return line;
  }

 private:
  static NewEdit Naming(std::string_view kind, std::optional<std::int64_t> sequence) {
    Json body = Json::object();
    if (sequence) body["sequence"] = *sequence;
    return {.kind = std::string(kind), .body_json = body.dump()};
  }

  base::Error Nothing(std::string_view why, std::optional<std::int64_t> sequence,
                      std::string_view what) const {
    if (!sequence) {
      return domain::MakeError(why, fmt::format("no edit of {} {}", subject_.id, what));
    }
    return domain::MakeError(
        why, fmt::format("edit {} of {} is none that {}", *sequence, subject_.id, what));
  }

  static Result<void> Check(std::span<const NewEdit> edits) {
    const bool is_whole = !edits.empty() && std::ranges::all_of(edits, [](const NewEdit& edit) {
      return !edit.kind.empty() && edit.kind != kUndoKind && edit.kind != kRedoKind;
    });
    if (is_whole) return {};
    return domain::MakeError(reason::kBadEdit, "there is nothing to write, or not as an edit");
  }

  std::string AskedSha256(const std::string& edits_sha256) const {
    return author_.asked.empty() ? edits_sha256 : base::Sha256(author_.asked);
  }

  Result<std::vector<Edit>> Write(std::span<const NewEdit> edits) {
    ROLLCALL_TRY_ASSIGN(std::int64_t sequence, ledger_.EditLast(subject_));
    std::vector<Edit> lines;
    for (const NewEdit& edit : edits) {
      lines.push_back(LineOf(++sequence, edit, AskedOf(edits)));
      ROLLCALL_TRY(ledger_.EditInsert(subject_, lines.back()));
    }
    return lines;
  }
  Result<Edit> WriteOne(std::string_view kind, std::int64_t about,
                        const std::string& asked_sha256) {
    ROLLCALL_TRY_ASSIGN(const std::int64_t last, ledger_.EditLast(subject_));
    Edit line = LineOf(last + 1, Naming(kind, about), asked_sha256);
    ROLLCALL_TRY(ledger_.EditInsert(subject_, line));
    return line;
  }
  Edit LineOf(std::int64_t sequence, const NewEdit& edit, const std::string& asked_sha256) const {
    return {.sequence = sequence,
            .at = now_.wall,
            .who = author_.who,
            .kind = edit.kind,
            .body_json = edit.body_json,
            .undone_by = std::nullopt,
            .idempotency_key = author_.idempotency_key,
            .asked_sha256 = AskedSha256(asked_sha256)};
  }

  static std::optional<std::int64_t> Undone(const std::vector<Edit>& edits, std::int64_t sequence) {
    const auto found = std::ranges::find(edits, sequence, &Edit::sequence);
    return found != edits.end() && found->undone_by ? std::optional(sequence) : std::nullopt;
  }
  // Of the newest undo that nobody has redone, with nothing but undo and redo behind it.
  static std::optional<std::int64_t> NewestUndone(const std::vector<Edit>& edits,
                                                  std::string_view ours) {
    for (auto line = edits.rbegin(); line != edits.rend(); ++line) {
      if (line->kind == ours || line->kind == kRedoKind) continue;
      if (line->kind != kUndoKind) return std::nullopt;
      const auto taken_back = std::ranges::find_if(
          edits, [&](const Edit& edit) { return edit.undone_by == line->sequence; });
      if (taken_back != edits.end()) return taken_back->sequence;
    }
    return std::nullopt;
  }

  Ledger& ledger_;
  const Subject& subject_;
  const EditAuthor& author_;
  const Moment now_;
};

}  // namespace

Result<std::vector<Edit>> LedgerStore::EditsAppend(const Subject& subject, const EditAuthor& author,
                                                   std::span<const NewEdit> edits) {
  return Change([&](Ledger& ledger, const Moment& now) {
    return EditWriter(ledger, subject, author, now).Append(edits);
  });
}

Result<std::vector<Edit>> LedgerStore::EditsOfKey(const Subject& subject,
                                                  const EditAuthor& author) {
  return In(Access::kRead, [&](Ledger& ledger) {
    return EditWriter(ledger, subject, author, Now()).FindAnswered("");
  });
}

Result<std::vector<Subject>> LedgerStore::EditSubjects() {
  return In(Access::kRead, [](Ledger& ledger) { return ledger.EditSubjects(); });
}

Result<std::vector<Edit>> LedgerStore::EditList(const Subject& subject) {
  return In(Access::kRead, [&](Ledger& ledger) { return ledger.Edits(subject); });
}

Result<Edit> LedgerStore::EditUndo(const Subject& subject, const EditAuthor& author,
                                   std::optional<std::int64_t> sequence, std::string_view ours) {
  return Change([&](Ledger& ledger, const Moment& now) {
    return EditWriter(ledger, subject, author, now).Undo(sequence, ours);
  });
}

Result<Edit> LedgerStore::EditRedo(const Subject& subject, const EditAuthor& author,
                                   std::optional<std::int64_t> sequence, std::string_view ours) {
  return Change([&](Ledger& ledger, const Moment& now) {
    return EditWriter(ledger, subject, author, now).Redo(sequence, ours);
  });
}

}  // namespace rollcall::store
