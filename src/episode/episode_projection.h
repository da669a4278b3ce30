#pragma once

#include <optional>

#include "subject/subject_projection.h"

namespace rollcall::episode {

// episodes/<key>/state.json says which stages are done and with which results, runtime.json which
// run now.
class EpisodeProjection final : public subject::SubjectProjection {
 public:
  base::Result<subject::Labels> LabelsOf(store::JobStore& store,
                                         const store::Subject& subject) const override;
  bool has_documents() const override { return true; }
  base::Result<subject::Document> Registry(store::JobStore& store,
                                           const subject::SubjectFacts& facts) const override;
  base::Result<subject::Document> Activity(store::JobStore& store,
                                           const subject::SubjectFacts& facts,
                                           base::WallTime now) const override;
  base::Result<std::vector<std::string>> Known(store::JobStore& store) const override;
};

// The texts themselves; `episode` is nullopt where it is not registered any more.
std::string StateJson(const subject::SubjectFacts& facts,
                      const std::optional<store::Episode>& episode);
std::string RuntimeJson(const subject::SubjectFacts& facts,
                        const std::optional<store::Episode>& episode, base::WallTime now);

}  // namespace rollcall::episode
