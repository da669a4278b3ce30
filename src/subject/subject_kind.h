#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "subject/stage_table.h"
#include "subject/subject_files.h"
#include "subject/subject_projection.h"

namespace rollcall::subject {

// A kind of subjects: what the runtime has to know of it, and all that it knows. Borrows its parts.
struct SubjectKind {
  std::string name;  // store::Subject::kind
  const StageTable& stages;
  const SubjectFiles& files;
  const SubjectProjection& projection;
};

// A stage of one of them.
struct KindStage {
  const SubjectKind* kind = nullptr;
  const StageRow* row = nullptr;
};

// The kinds that a program knows. Immutable.
class SubjectKinds {
 public:
  SubjectKinds() = default;
  // kInvalidArgument / ERR_BAD_CONFIG if there is none, or if two have one name, stages of one name
  // (queues and folders carry the stage's name alone) or one area.
  static base::Result<SubjectKinds> Create(std::vector<SubjectKind> kinds);

  const std::vector<SubjectKind>& kinds() const { return kinds_; }
  // Null for a kind that another program has put into the store.
  const SubjectKind* Find(std::string_view kind) const;
  // Null in both for a stage that is none of theirs.
  KindStage OfStage(std::string_view stage) const;
  // Names of all stages that somebody can run.
  std::vector<std::string> Runnable() const;
  // A handler for a worker process; null for what is no stage that can be run.
  std::unique_ptr<domain::StageHandler> HandlerOf(std::string_view stage,
                                                  const HandlerOptions& options) const;

 private:
  explicit SubjectKinds(std::vector<SubjectKind> kinds) : kinds_(std::move(kinds)) {}

  std::vector<SubjectKind> kinds_;
};

}  // namespace rollcall::subject
