#pragma once

#include <memory>

#include "domain/stage_handler.h"
#include "subject/subject_kind.h"

namespace rollcall::jobs {

// A second kind of subjects, as an engineer adds one: a table with one row, files of its own and
// documents of its own. Equal submissions are separate work. Nothing else knows of it.
subject::SubjectKind BatchKind();

// The handler of its stage "predict": writes batches/<id>/predictions.txt.
std::unique_ptr<domain::StageHandler> MakePredictStage();

}  // namespace rollcall::jobs
