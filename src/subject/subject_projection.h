#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "domain/stage_handler.h"
#include "store/job_store.h"
#include "subject/document.h"
#include "subject/stage_table.h"

namespace rollcall::subject {

// One stage of a subject, as the store says it now.
struct StageFacts {
  const StageRow* row = nullptr;
  std::optional<store::RunView> shown;       // The generation that people are shown.
  std::optional<store::StageRun> last_good;  // Newest that succeeded.
  std::vector<domain::Artifact> artifacts;   // Of last_good.
  bool has_artifacts = false;                // They are there.

  // What the registry says: false from the start of the stage to its success.
  bool is_true() const {
    return shown && shown->run.state == domain::JobState::kSucceeded && has_artifacts;
  }
  // Its run has begun and has not ended.
  bool is_active() const;
};

struct SubjectFacts {
  store::Subject subject;
  std::string epoch;
  std::vector<StageFacts> stages;  // In the table's order.

  // The newest change of what is shown.
  std::int64_t seq() const;
  // When any of its stages last changed its state, or `created_at`.
  base::WallTime LastTransition(base::WallTime created_at) const;
};

// What jobs/<stage>_<id>/meta.json says of whose run it is, beside what the runtime says itself.
struct Labels {
  base::Json fixed = base::Json::object();    // As long as there is that subject.
  base::Json current = base::Json::object();  // As it is now: an ended run keeps what it was then.
};

// What people see of the subjects of one kind. What is the same for all kinds is the projector's:
// jobs/…, locks, links, the lines of the log and the order of all. No state; thread-safe. Errors of
// the store.
class SubjectProjection {
 public:
  virtual ~SubjectProjection() = default;

  virtual base::Result<Labels> LabelsOf(store::JobStore& store,
                                        const store::Subject& subject) const = 0;
  // Whether there are the next two.
  virtual bool has_documents() const = 0;
  // Which stages are done. The same facts give the same text.
  virtual base::Result<Document> Registry(store::JobStore& store,
                                          const SubjectFacts& facts) const = 0;
  // Which runs are at work. `now`: when this is told.
  virtual base::Result<Document> Activity(store::JobStore& store, const SubjectFacts& facts,
                                          base::WallTime now) const = 0;
  // The ids of all whose documents there should be.
  virtual base::Result<std::vector<std::string>> Known(store::JobStore& store) const = 0;
};

}  // namespace rollcall::subject
