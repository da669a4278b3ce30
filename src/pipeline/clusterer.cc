#include "pipeline/clusterer.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

namespace rollcall::pipeline {
namespace {

constexpr float kNever = -2;  // Below any cosine: these two are not one person.

using PairSet = std::set<std::pair<std::int64_t, std::int64_t>>;

PairSet BothWays(const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs) {
  PairSet both;
  for (const auto& [a, b] : pairs) {
    both.emplace(a, b);
    both.emplace(b, a);
  }
  return both;
}

bool OverlapInTime(const ClusterInput& a, const ClusterInput& b) {
  return a.start <= b.end && b.start <= a.end;
}

// Of what takes O(n) each.
using OnStep = std::function<base::Result<void>()>;

// The groups that are left, as a symmetric matrix of average cosines.
class Linkage {
 public:
  Linkage(const std::vector<const ClusterInput*>& tracks, const OnStep& on_step)
      : on_step_(on_step),
        size_(tracks.size()),
        cosines_(size_ * size_),
        weight_(size_),
        parent_(size_),
        nearest_(size_) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }

  base::Result<void> Compare(const std::vector<const ClusterInput*>& tracks,
                             const ClusterOptions& options) {
    const PairSet cannot = BothWays(options.cannot_link);
    const PairSet must = BothWays(options.must_link);
    for (std::size_t i = 0; i < size_; ++i) {
      ROLLCALL_TRY(on_step_());
      weight_[i] = std::max(tracks[i]->weight, 1e-6F);
      for (std::size_t j = 0; j < i; ++j) {
        const std::pair ids{tracks[i]->track_id, tracks[j]->track_id};
        float cosine = domain::Cosine(tracks[i]->embedding, tracks[j]->embedding);
        if (OverlapInTime(*tracks[i], *tracks[j]) || cannot.contains(ids)) cosine = kNever;
        if (must.contains(ids)) cosine = 1;
        At(i, j) = At(j, i) = cosine;
      }
      At(i, i) = kNever;
    }
    for (std::size_t i = 0; i < size_; ++i) {
      ROLLCALL_TRY(on_step_());
      FindNearest(i);
    }
    return {};
  }

  // Merges until no pair reaches `cosine_min`.
  base::Result<void> Run(float cosine_min) {
    while (true) {
      ROLLCALL_TRY(on_step_());
      std::optional<std::size_t> best;
      for (std::size_t i = 0; i < size_; ++i) {
        if (IsRoot(i) && (!best || At(i, nearest_[i]) > At(*best, nearest_[*best]))) best = i;
      }
      if (!best || At(*best, nearest_[*best]) < cosine_min) return {};
      Merge(std::min(*best, nearest_[*best]), std::max(*best, nearest_[*best]));
    }
  }

  std::size_t Root(std::size_t i) const {
    while (parent_[i] != i) i = parent_[i];
    return i;
  }

 private:
  float& At(std::size_t i, std::size_t j) { return cosines_[i * size_ + j]; }
  bool IsRoot(std::size_t i) const { return parent_[i] == i; }

  void FindNearest(std::size_t i) {
    std::size_t best = i;
    for (std::size_t j = 0; j < size_; ++j) {
      if (j != i && IsRoot(j) && (best == i || At(i, j) > At(i, best))) best = j;
    }
    nearest_[i] = best;
  }

  void Merge(std::size_t keep, std::size_t gone) {
    const float total = weight_[keep] + weight_[gone];
    for (std::size_t k = 0; k < size_; ++k) {
      if (!IsRoot(k) || k == keep || k == gone) continue;
      const bool is_never = At(keep, k) == kNever || At(gone, k) == kNever;
      const float average =
          is_never ? kNever : (weight_[keep] * At(keep, k) + weight_[gone] * At(gone, k)) / total;
      At(keep, k) = At(k, keep) = average;
    }
    weight_[keep] = total;
    parent_[gone] = keep;
    FindNearest(keep);
    for (std::size_t k = 0; k < size_; ++k) {
      if (!IsRoot(k) || k == keep) continue;
      if (nearest_[k] == keep || nearest_[k] == gone) {
        FindNearest(k);
      } else if (At(k, keep) > At(k, nearest_[k])) {
        nearest_[k] = keep;
      }
    }
  }

  const OnStep& on_step_;
  std::size_t size_;
  std::vector<float> cosines_;
  std::vector<float> weight_;
  std::vector<std::size_t> parent_;
  std::vector<std::size_t> nearest_;
};

// Puts inputs that formed no group into the nearest one that none of their contemporaries is in.
base::Result<void> JoinNearest(std::span<const ClusterInput> inputs,
                               const std::vector<std::size_t>& order, float cosine_min,
                               Clustering& clustering, const OnStep& on_step) {
  std::vector<int>& group_of = clustering.group_of;
  const int groups = clustering.groups;
  const std::vector<int> founded = group_of;
  for (const std::size_t i : order) {
    if (founded[i] >= 0) continue;
    ROLLCALL_TRY(on_step());
    std::vector<double> sum(static_cast<std::size_t>(groups), 0.0);
    std::vector<double> weight(static_cast<std::size_t>(groups), 0.0);
    std::vector<bool> is_barred(static_cast<std::size_t>(groups), false);
    for (std::size_t j = 0; j < inputs.size(); ++j) {
      if (group_of[j] < 0) continue;
      const auto group = static_cast<std::size_t>(group_of[j]);
      if (OverlapInTime(inputs[i], inputs[j])) is_barred[group] = true;
      if (founded[j] < 0) continue;
      const double w = std::max(inputs[j].weight, 1e-6F);
      sum[group] += w * domain::Cosine(inputs[i].embedding, inputs[j].embedding);
      weight[group] += w;
    }
    int best = -1;
    double best_cosine = cosine_min;
    for (int g = 0; g < groups; ++g) {
      const auto at = static_cast<std::size_t>(g);
      if (is_barred[at] || weight[at] <= 0 || sum[at] / weight[at] < best_cosine) continue;
      best = g;
      best_cosine = sum[at] / weight[at];
    }
    group_of[i] = best;
  }
  return {};
}

// Numbers groups from 0 in order of first appearance.
int Renumber(const std::vector<std::size_t>& order, std::vector<int>& group_of) {
  std::vector<int> number(group_of.size(), -1);
  int next = 0;
  for (const std::size_t i : order) {
    if (group_of[i] < 0) continue;
    int& group = number[static_cast<std::size_t>(group_of[i])];
    if (group < 0) group = next++;
    group_of[i] = group;
  }
  return next;
}

}  // namespace

Clustering ClusterTracks(std::span<const ClusterInput> inputs, const ClusterOptions& options) {
  return ClusterTracks(inputs, options, [] { return base::Result<void>(); }).value();
}

// Each seed is compared, has its nearest found and is merged away, once at most; the others join.
std::int64_t ClusterSteps(std::span<const ClusterInput> inputs, const ClusterOptions& options) {
  const std::size_t seeds = std::min(inputs.size(), options.tracks_max);
  return static_cast<std::int64_t>(3 * seeds + inputs.size() + 1);
}

base::Result<Clustering> ClusterTracks(std::span<const ClusterInput> inputs,
                                       const ClusterOptions& options, const OnStep& on_step) {
  Clustering result;
  result.group_of.assign(inputs.size(), -1);
  std::vector<std::size_t> by_time(inputs.size());
  std::iota(by_time.begin(), by_time.end(), std::size_t{0});
  std::sort(by_time.begin(), by_time.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(inputs[a].start, inputs[a].track_id) <
           std::tuple(inputs[b].start, inputs[b].track_id);
  });
  std::vector<std::size_t> seeds;
  for (const std::size_t i : by_time) {
    if (inputs[i].weight >= options.seed_weight_min) seeds.push_back(i);
  }
  if (seeds.size() > options.tracks_max) {
    result.left_over = seeds.size() - options.tracks_max;
    std::stable_sort(seeds.begin(), seeds.end(), [&](std::size_t a, std::size_t b) {
      return inputs[a].weight > inputs[b].weight;
    });
    seeds.resize(options.tracks_max);
    std::sort(seeds.begin(), seeds.end(), [&](std::size_t a, std::size_t b) {
      return std::tuple(inputs[a].start, inputs[a].track_id) <
             std::tuple(inputs[b].start, inputs[b].track_id);
    });
  }
  std::vector<const ClusterInput*> tracks;
  for (const std::size_t i : seeds) tracks.push_back(&inputs[i]);
  Linkage linkage(tracks, on_step);
  ROLLCALL_TRY(linkage.Compare(tracks, options));
  ROLLCALL_TRY(linkage.Run(options.cosine_min));
  for (std::size_t k = 0; k < seeds.size(); ++k) {
    result.group_of[seeds[k]] = static_cast<int>(linkage.Root(k));
  }
  result.groups = Renumber(by_time, result.group_of);
  ROLLCALL_TRY(JoinNearest(inputs, by_time, options.join_cosine_min, result, on_step));
  result.groups = Renumber(by_time, result.group_of);
  return result;
}

}  // namespace rollcall::pipeline
