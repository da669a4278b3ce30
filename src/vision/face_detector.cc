#include "vision/face_detector.h"

#include <algorithm>
#include <array>

#include "vision/suppression.h"

namespace rollcall::vision {
namespace {

struct Tile {
  domain::PixelBox region;
  // Whether the picture goes on beyond that side.
  bool inner_left = false;
  bool inner_top = false;
  bool inner_right = false;
  bool inner_bottom = false;
};

std::array<Tile, 4> MakeTiles(float width, float height, float overlap) {
  const float tile_width = width / (2 - overlap);
  const float tile_height = height / (2 - overlap);
  std::array<Tile, 4> tiles;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const bool is_right = i % 2 == 1;
    const bool is_bottom = i / 2 == 1;
    const float x1 = is_right ? width - tile_width : 0;
    const float y1 = is_bottom ? height - tile_height : 0;
    tiles[i] = {.region = {x1, y1, x1 + tile_width, y1 + tile_height},
                .inner_left = is_right,
                .inner_top = is_bottom,
                .inner_right = !is_right,
                .inner_bottom = !is_bottom};
  }
  return tiles;
}

// A face that an inner edge cuts is seen whole in the next tile or in the whole picture.
bool IsCut(const domain::PixelBox& box, const Tile& tile, float margin_share) {
  const float margin_x = tile.region.width() * margin_share;
  const float margin_y = tile.region.height() * margin_share;
  return (tile.inner_left && box.x1 < tile.region.x1 + margin_x) ||
         (tile.inner_right && box.x2 > tile.region.x2 - margin_x) ||
         (tile.inner_top && box.y1 < tile.region.y1 + margin_y) ||
         (tile.inner_bottom && box.y2 > tile.region.y2 - margin_y);
}

}  // namespace

base::Result<std::vector<FaceCandidate>> FindFaces(FaceDetector& detector,
                                                   const domain::Picture& picture, Search search,
                                                   float score_min, float face_px_min) {
  const auto width = static_cast<float>(picture.width());
  const auto height = static_cast<float>(picture.height());
  const TileRule rule = detector.tile_rule();
  ROLLCALL_TRY_ASSIGN(std::vector<FaceCandidate> faces,
                      detector.Detect(picture, {0, 0, width, height}));
  if (search == Search::kWholeAndTiles) {
    for (const Tile& tile : MakeTiles(width, height, rule.overlap)) {
      ROLLCALL_TRY_ASSIGN(std::vector<FaceCandidate> found, detector.Detect(picture, tile.region));
      std::erase_if(found, [&](const FaceCandidate& face) {
        return IsCut(face.box, tile, rule.edge_margin);
      });
      std::ranges::move(found, std::back_inserter(faces));
    }
  }
  std::erase_if(faces, [&](const FaceCandidate& face) {
    return face.score < score_min || std::max(face.box.width(), face.box.height()) < face_px_min;
  });
  return Suppress(std::move(faces), {.iou = rule.iou_max, .overlap = rule.contained_max});
}

base::Result<float> SecondLook(FaceDetector& detector, const domain::Picture& picture,
                               const FaceCandidate& face) {
  constexpr float kSurroundings = 5;
  constexpr float kSideMin = 240;  // Enlarging a small face beyond its own pixels does not help it.
  constexpr float kSameFaceIou = 0.35F;
  const float side =
      std::max(kSurroundings * std::max(face.box.width(), face.box.height()), kSideMin);
  const domain::PixelPoint centre = face.box.centre();
  ROLLCALL_TRY_ASSIGN(const std::vector<FaceCandidate> found,
                      detector.Detect(picture, {centre.x - side / 2, centre.y - side / 2,
                                                centre.x + side / 2, centre.y + side / 2}));
  float score = 0;
  for (const FaceCandidate& each : found) {
    if (domain::Iou(each.box, face.box) >= kSameFaceIou) score = std::max(score, each.score);
  }
  return score;
}

base::Result<std::vector<FaceCandidate>> ConfirmFaces(FaceDetector& detector,
                                                      const domain::Picture& picture,
                                                      std::vector<FaceCandidate> faces,
                                                      SecondLookRule rule) {
  std::vector<FaceCandidate> confirmed;
  for (FaceCandidate& face : faces) {
    if (face.score < rule.below) {
      ROLLCALL_TRY_ASSIGN(const float score, SecondLook(detector, picture, face));
      if (score < rule.min) continue;
    }
    confirmed.push_back(std::move(face));
  }
  return confirmed;
}

}  // namespace rollcall::vision
