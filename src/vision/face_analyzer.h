#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "domain/face.h"
#include "domain/image.h"

namespace rollcall::vision {

struct LocatedLandmarks {
  domain::Landmarks5 points{};
  float plausibility = 0;  // 0…1: the points' geometry as a face; below 0.5 not to be trusted.
};

// Finds the five points of a face whose detector gives none. Not thread-safe.
class FaceLandmarker {
 public:
  virtual ~FaceLandmarker() = default;
  virtual const std::string& name() const = 0;
  virtual base::Result<LocatedLandmarks> Locate(const domain::Picture& picture,
                                                const domain::PixelBox& face) = 0;
};

// Plausibility of five points as a face in this box, 0…1 (also for a detector's own points): the
// product of how well eleven proportions lie within those of real faces. Rotation up to 50°.
float LandmarkPlausibility(const domain::Landmarks5& points, const domain::PixelBox& face);

// 1…0: how little the points moved, against the face's height, when they were looked for again in
// another crop. Points that follow the crop are the network's habit, not the picture's.
float PointStability(const domain::Landmarks5& first, const domain::Landmarks5& second,
                     const domain::PixelBox& face);

// The face turned to the standard ArcFace template (112×112, similarity by Umeyama 1991, 5 points).
base::Result<domain::Image> AlignFace(const domain::Picture& picture,
                                      const domain::Landmarks5& points);

// 0…1: sharpness (variance of the Laplacian) of an aligned face.
float Sharpness(const domain::Image& aligned);

// 1 when the face looks at the camera, 0 in profile.
float Frontality(const domain::Landmarks5& points);

// What is known of a face when it has been embedded.
struct QualityEvidence {
  float face_px = 0;  // Longer side of the box.
  float sharpness = 0;
  float frontality = 0;
  float raw_norm = 0;
  float raw_norm_typical = 1;  // ModelPack::Thresholds.
};
// 0…1, the geometric mean of the four: a face that lacks one of them is no good.
float FaceQuality(const QualityEvidence& evidence);

struct FaceVector {
  domain::Embedding embedding;  // L2-normalised.
  float raw_norm = 0;           // Before that; low values show bad crops.
};

// Turns aligned faces into vectors. Not thread-safe.
class FaceEmbedder {
 public:
  virtual ~FaceEmbedder() = default;
  virtual const std::string& name() const = 0;
  virtual int dimension() const = 0;
  virtual base::Result<std::vector<FaceVector>> Embed(std::span<const domain::Image> aligned) = 0;
};

struct ExpressionScores {
  std::vector<std::string> labels;
  std::vector<float> scores;  // Sum 1. How the face looks, never what a person feels.
};

class ExpressionClassifier {
 public:
  virtual ~ExpressionClassifier() = default;
  virtual const std::string& name() const = 0;
  virtual base::Result<ExpressionScores> Classify(const domain::Picture& picture,
                                                  const domain::PixelBox& face) = 0;
};

}  // namespace rollcall::vision
