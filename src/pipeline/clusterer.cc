#include "pipeline/clusterer.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>

namespace rollcall::pipeline {
namespace {

// Two that are not one person have their cosine less this: below any other.
constexpr float kNever = 4;

float NeverTogether(float cosine) { return cosine - kNever; }
bool IsNever(float cosine) { return cosine < -kNever / 2; }
float Likeness(float cosine) { return IsNever(cosine) ? cosine + kNever : cosine; }

using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;

// Where each of some tracks is among them.
class Places {
 public:
  explicit Places(const std::vector<const ClusterInput*>& tracks) {
    for (std::size_t i = 0; i < tracks.size(); ++i) place_.emplace(tracks[i]->track_id, i);
  }
  // For each pair of which both are there.
  template <typename Use>
  void ForEach(const Pairs& pairs, Use use) const {
    for (const auto& [a, b] : pairs) {
      const auto first = place_.find(a);
      const auto second = place_.find(b);
      if (first != place_.end() && second != place_.end()) use(first->second, second->second);
    }
  }

 private:
  std::map<std::int64_t, std::size_t> place_;
};

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
        tracks_(size_, 1),
        parent_(size_),
        nearest_(size_) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }

  base::Result<void> Compare(const std::vector<const ClusterInput*>& tracks,
                             const ClusterOptions& options) {
    for (std::size_t i = 0; i < size_; ++i) {
      ROLLCALL_TRY(on_step_());
      weight_[i] = std::max(tracks[i]->weight, 1e-6F);
      for (std::size_t j = 0; j < i; ++j) {
        At(i, j) = At(j, i) = domain::Cosine(tracks[i]->embedding, tracks[j]->embedding);
      }
      At(i, i) = NeverTogether(0);
    }
    const Places places(tracks);
    places.ForEach(options.cannot_link, [&](std::size_t i, std::size_t j) { Forbid(i, j); });
    places.ForEach(options.must_link,
                   [&](std::size_t i, std::size_t j) { At(i, j) = At(j, i) = 1; });
    for (std::size_t i = 0; i < size_; ++i) {
      ROLLCALL_TRY(on_step_());
      FindNearest(i);
    }
    return {};
  }

  // Merges until no pair reaches `cosine_min`. A group that would as well go with somebody who is
  // apart from the one that it is nearest to goes with nobody.
  base::Result<void> Run(float cosine_min, float either_margin) {
    while (true) {
      ROLLCALL_TRY(on_step_());
      std::optional<std::size_t> best;
      for (std::size_t i = 0; i < size_; ++i) {
        if (IsRoot(i) && (!best || At(i, nearest_[i]) > At(*best, nearest_[*best]))) best = i;
      }
      if (!best || At(*best, nearest_[*best]) < cosine_min) return {};
      const std::size_t a = std::min(*best, nearest_[*best]);
      const std::size_t b = std::max(*best, nearest_[*best]);
      if (MayBeAnother(a, b, cosine_min, either_margin)) {
        LeaveAlone(a);
      } else if (MayBeAnother(b, a, cosine_min, either_margin)) {
        LeaveAlone(b);
      } else if (const std::size_t more = ThereMore(a, b, cosine_min, either_margin); more != b) {
        Merge(std::min(a, more), std::max(a, more));
      } else {
        const std::size_t with = ThereMore(b, a, cosine_min, either_margin);
        Merge(std::min(with, b), std::max(with, b));
      }
    }
  }

  // Then the groups of one, the most alike first.
  base::Result<void> JoinAlone(float cosine_min, float margin) {
    while (true) {
      ROLLCALL_TRY(on_step_());
      std::optional<std::size_t> best;
      for (std::size_t i = 0; i < size_; ++i) {
        if (!IsRoot(i) || !IsAlone(i) || At(i, nearest_[i]) < cosine_min) continue;
        if (!StandsOut(i, margin)) continue;
        if (IsAlone(nearest_[i]) && !StandsOut(nearest_[i], margin)) continue;
        if (!best || At(i, nearest_[i]) > At(*best, nearest_[*best])) best = i;
      }
      if (!best) return {};
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
  bool IsAlone(std::size_t i) const { return tracks_[i] == 1; }

  // Whether it is less like every other group than like its nearest one, and like a stranger.
  bool StandsOut(std::size_t i, float margin) {
    float second = 0;
    for (std::size_t j = 0; j < size_; ++j) {
      if (j != i && j != nearest_[i] && IsRoot(j)) second = std::max(second, At(i, j));
    }
    return At(i, nearest_[i]) - second >= margin;
  }

  void Forbid(std::size_t i, std::size_t j) {
    if (!IsNever(At(i, j))) At(i, j) = At(j, i) = NeverTogether(At(i, j));
  }

  // Whether there is somebody who is not `other` and to whom `i` is as like. Who is as like `other`
  // as one person is to himself is the same one twice: in a mirror, in a picture on the wall.
  bool MayBeAnother(std::size_t i, std::size_t other, float cosine_min, float margin) {
    for (std::size_t k = 0; k < size_; ++k) {
      if (k == i || k == other || !IsRoot(k) || !IsNever(At(other, k))) continue;
      if (Likeness(At(other, k)) >= cosine_min) continue;
      if (At(i, k) > At(i, other) - margin) return true;
    }
    return false;
  }

  // `other`, or the same one elsewhere in its frames, of whom there is more, if `i` is as like him:
  // a person's other shots then gather with him, not with his image.
  std::size_t ThereMore(std::size_t i, std::size_t other, float cosine_min, float margin) {
    std::size_t most = other;
    for (std::size_t k = 0; k < size_; ++k) {
      if (k == i || k == other || !IsRoot(k) || !IsNever(At(other, k))) continue;
      const bool is_same = Likeness(At(other, k)) >= cosine_min && At(i, k) >= cosine_min;
      if (is_same && At(i, k) > At(i, other) - margin && weight_[k] > weight_[most]) most = k;
    }
    return most;
  }

  void LeaveAlone(std::size_t i) {
    for (std::size_t k = 0; k < size_; ++k) {
      if (k != i) Forbid(i, k);
    }
    for (std::size_t k = 0; k < size_; ++k) {
      if (IsRoot(k) && (k == i || nearest_[k] == i)) FindNearest(k);
    }
  }

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
      const bool is_never = IsNever(At(keep, k)) || IsNever(At(gone, k));
      const float average =
          (weight_[keep] * Likeness(At(keep, k)) + weight_[gone] * Likeness(At(gone, k))) / total;
      At(keep, k) = At(k, keep) = is_never ? NeverTogether(average) : average;
    }
    weight_[keep] = total;
    tracks_[keep] += tracks_[gone];
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
  std::vector<std::size_t> tracks_;  // In each group.
  std::vector<std::size_t> parent_;
  std::vector<std::size_t> nearest_;
};

// Puts inputs that formed no group into the nearest one that none is in whom they cannot be.
base::Result<void> JoinNearest(std::span<const ClusterInput> inputs,
                               const std::vector<std::size_t>& order, const ClusterOptions& options,
                               Clustering& clustering, const OnStep& on_step) {
  std::vector<const ClusterInput*> all;
  for (const ClusterInput& input : inputs) all.push_back(&input);
  std::map<std::size_t, std::vector<std::size_t>> strangers;
  Places(all).ForEach(options.cannot_link, [&](std::size_t i, std::size_t j) {
    strangers[i].push_back(j);
    strangers[j].push_back(i);
  });
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
      if (founded[j] < 0) continue;
      const double w = std::max(inputs[j].weight, 1e-6F);
      sum[group] += w * domain::Cosine(inputs[i].embedding, inputs[j].embedding);
      weight[group] += w;
    }
    for (const std::size_t j : strangers[i]) {
      if (group_of[j] >= 0) is_barred[static_cast<std::size_t>(group_of[j])] = true;
    }
    int best = -1;
    double best_cosine = options.join_cosine_min;
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

// Each seed is compared, has its nearest found, is merged away, by either rule, or left alone, once
// at most each; the others join.
std::int64_t ClusterSteps(std::span<const ClusterInput> inputs, const ClusterOptions& options) {
  const std::size_t seeds = std::min(inputs.size(), options.tracks_max);
  return static_cast<std::int64_t>(5 * seeds + inputs.size() + 2);
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
  ROLLCALL_TRY(linkage.Run(options.cosine_min, options.either_margin));
  ROLLCALL_TRY(linkage.JoinAlone(options.alone_cosine_min, options.alone_margin));
  for (std::size_t k = 0; k < seeds.size(); ++k) {
    result.group_of[seeds[k]] = static_cast<int>(linkage.Root(k));
  }
  result.groups = Renumber(by_time, result.group_of);
  ROLLCALL_TRY(JoinNearest(inputs, by_time, options, result, on_step));
  result.groups = Renumber(by_time, result.group_of);
  return result;
}

}  // namespace rollcall::pipeline
