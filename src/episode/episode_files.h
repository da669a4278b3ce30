#pragma once

#include "subject/subject_files.h"

namespace rollcall::episode {

// harvest/<key>/ has what the stages hand on, outputs/<key>/ what people take away, beside which
// they keep files of their own, and episodes/<key>/ the documents.
class EpisodeFiles final : public subject::SubjectFiles {
 public:
  std::vector<subject::Area> Areas() const override;
  std::filesystem::path SegmentFolder(std::string_view id, std::string_view stage) const override;
  base::Result<bool> MaySweep(store::JobStore& store, std::string_view id) const override;
};

}  // namespace rollcall::episode
