#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "episode/people/people_snapshot.h"

namespace rollcall::episode {

// A name that a person may get: 1 to 200 bytes of UTF-8, no control characters, none that turn the
// direction of text, no blanks at its ends, and not "Person 3". kInvalidArgument / ERR_BAD_NAME.
base::Result<void> CheckPersonName(const std::string& name);

// Turns what somebody asks for (docs/people.md, Routes) into lines of the log, one after another,
// each as if those before it stood already. Errors: ERR_BAD_EDIT with what is wrong,
// ERR_NO_SUCH_PERSON, ERR_NO_SUCH_PIECE, ERR_NAME_TAKEN, ERR_BAD_NAME.
//
// Borrows the snapshot.
class EditBuilder {
 public:
  explicit EditBuilder(const PeopleSnapshot& snapshot);

  base::Result<void> Add(const base::Json& request);
  std::vector<store::NewEdit> Take() { return std::move(lines_); }

  // `label` edits for the people who are shown and have no number in the log.
  static std::vector<store::NewEdit> Labels(const PeopleSnapshot& snapshot);

 private:
  base::Result<void> Name(const base::Json& request);
  base::Result<void> Merge(const base::Json& request);
  base::Result<void> Same(const base::Json& request);
  base::Result<void> Split(const base::Json& request);
  base::Result<void> Move(const base::Json& request);
  base::Result<void> Cut(const base::Json& request);
  base::Result<void> NotOne(const base::Json& request);
  base::Result<void> Ignore(const base::Json& request);
  base::Result<void> Face(const base::Json& request);
  base::Result<void> Exclude(const base::Json& request);

  base::Result<std::size_t> PersonIn(const base::Json& request, const char* member) const;
  base::Result<std::size_t> PersonOf(std::int64_t label) const;
  base::Result<std::vector<std::int64_t>> LabelsIn(const base::Json& request) const;
  base::Result<std::vector<people::Piece>> PiecesIn(const base::Json& request) const;
  base::Result<std::vector<people::Anchor>> AnchorsOfPerson(std::size_t person) const;
  std::string NameOf(std::size_t person) const;
  void Write(people::Edit edit, const base::Json& request, const std::string& said);

  const PeopleSnapshot& snapshot_;
  const pipeline::PresencePack& pack_;
  std::vector<people::Edit> edits_;  // That stand, with those that were added.
  int last_label_ = 0;
  people::Folded folded_;
  std::vector<store::NewEdit> lines_;
};

}  // namespace rollcall::episode
