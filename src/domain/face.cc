#include "domain/face.h"

#include "base/check.h"

namespace rollcall::domain {

float Cosine(const Embedding& a, const Embedding& b) {
  ROLLCALL_CHECK(a.size() == b.size());
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

const char* NoEmbeddingName(NoEmbedding reason) {
  switch (reason) {
    case NoEmbedding::kNone:
      return "none";
    case NoEmbedding::kNotSampled:
      return "not_sampled";
    case NoEmbedding::kNoLandmarks:
      return "no_landmarks";
    case NoEmbedding::kTooSmall:
      return "too_small";
    case NoEmbedding::kLowQuality:
      return "low_quality";
    case NoEmbedding::kNotConfirmed:
      return "not_confirmed";
  }
  return "none";
}

}  // namespace rollcall::domain
