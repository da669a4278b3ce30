#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "domain/face.h"

namespace rollcall::pipeline {

// One track as the clusterer sees it.
struct ClusterInput {
  std::int64_t track_id = 0;
  domain::MediaTime start{};
  float weight = 1;  // How much its vector says; ≥ 0.
  domain::Embedding embedding;
};

struct ClusterOptions {
  float cosine_min = 0.40F;  // Average linkage stops below it; a pack's `same_person`.
  // Who is like two different people, and no more like one of them than by this, joins nobody.
  float either_margin = 0.05F;
  // Above this many, the heaviest are clustered and the others join the nearest group or none.
  // The similarity matrix takes 4 · tracks_max² bytes: 256 MB.
  std::size_t tracks_max = 8'000;
  // Tracks of less weight than this do not form groups; they join one.
  float seed_weight_min = 0;
  float join_cosine_min = 0.35F;  // For those that join.
  // A track that is alone after that joins the group that it is most like, from this cosine on, if
  // it is less like every other one by the margin: half a face at the picture's edge, a profile.
  float alone_cosine_min = 0.35F;
  float alone_margin = 0.20F;
  // Pairs of track ids that are two people: seen in one frame, in different places, or a person
  // said so. And those that a person said are one.
  std::vector<std::pair<std::int64_t, std::int64_t>> cannot_link;
  std::vector<std::pair<std::int64_t, std::int64_t>> must_link;
};

// The group of each input, numbered from 0 in order of first appearance; -1 for none.
struct Clustering {
  std::vector<int> group_of;
  int groups = 0;
  std::size_t left_over = 0;  // Inputs above tracks_max.
};

// Agglomerative clustering by average cosine (UPGMA, Sokal and Michener 1958) in which two tracks
// that cannot be linked never come into one group. Deterministic, and independent of the order of
// the inputs. O(n²) memory, about O(n² log n) time: `on_step` is called ClusterSteps times at most,
// each of them O(n), and its error ends it.
base::Result<Clustering> ClusterTracks(std::span<const ClusterInput> inputs,
                                       const ClusterOptions& options,
                                       const std::function<base::Result<void>()>& on_step);
Clustering ClusterTracks(std::span<const ClusterInput> inputs, const ClusterOptions& options);
std::int64_t ClusterSteps(std::span<const ClusterInput> inputs, const ClusterOptions& options);

}  // namespace rollcall::pipeline
