#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "people/edit.h"
#include "people/fold.h"
#include "pipeline/presence_pack.h"

namespace rollcall::episode {

// "12", or "12@61000" of a piece that begins where a track was cut.
std::string PieceName(const pipeline::PresencePack& pack, const people::Piece& piece);
// Every piece of an episode, whoever has it.
std::vector<people::Piece> AllPieces(const people::Folded& folded);
// kNotFound / ERR_NO_SUCH_PIECE.
base::Result<people::Piece> FindPiece(const pipeline::PresencePack& pack,
                                      const people::Folded& folded, std::string_view name);

// What an edit holds on to: of many pieces the longest, kAnchorsMax of them; `all` keeps all.
enum class AnchorsOf { kPerson, kPieces };
std::vector<people::Anchor> MakeAnchors(const pipeline::PresencePack& pack,
                                        std::vector<people::Piece> pieces, AnchorsOf of);

}  // namespace rollcall::episode
