#include "pipeline/sampling_plan.h"

#include <algorithm>
#include <cstdlib>

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;

std::int64_t DistanceUs(MediaTime a, MediaTime b) { return std::abs((a - b).count()); }

// The frame nearest to `target`, frames at or after `from`.
std::size_t Nearest(const std::vector<media::PacketEntry>& packets, MediaTime target,
                    std::size_t from) {
  const auto after = std::lower_bound(
      packets.begin() + static_cast<std::ptrdiff_t>(from), packets.end(), target,
      [](const media::PacketEntry& packet, MediaTime time) { return packet.pts < time; });
  const auto at = static_cast<std::size_t>(after - packets.begin());
  if (at == packets.size()) return packets.size() - 1;
  if (at > from && DistanceUs(packets[at - 1].pts, target) <= DistanceUs(packets[at].pts, target)) {
    return at - 1;
  }
  return at;
}

// The nearest frame within `slack` that is decoded anyway, or the nearest of all.
std::size_t NearestReferred(const std::vector<media::PacketEntry>& packets, MediaTime target,
                            std::size_t from, MediaTime slack) {
  const std::size_t nearest = Nearest(packets, target, from);
  std::size_t best = nearest;
  std::int64_t best_distance = slack.count() + 1;
  for (std::size_t i = nearest;
       i-- > from && DistanceUs(packets[i].pts, target) <= slack.count();) {
    if (!packets[i].is_disposable && DistanceUs(packets[i].pts, target) < best_distance) {
      best = i;
      best_distance = DistanceUs(packets[i].pts, target);
    }
  }
  for (std::size_t i = nearest;
       i < packets.size() && DistanceUs(packets[i].pts, target) <= slack.count(); ++i) {
    if (!packets[i].is_disposable && DistanceUs(packets[i].pts, target) < best_distance) {
      best = i;
      best_distance = DistanceUs(packets[i].pts, target);
    }
  }
  return best;
}

std::vector<std::int64_t> EveryStep(const std::vector<media::PacketEntry>& packets,
                                    const SamplingOptions& options) {
  std::vector<std::int64_t> plan;
  std::size_t from = 0;
  const MediaTime end = packets.back().pts;
  const MediaTime first = (packets.front().pts + options.step / 2) / options.step * options.step;
  for (MediaTime target = first; target <= end + options.step / 2 && from < packets.size();
       target += options.step) {
    const std::size_t frame = NearestReferred(packets, target, from, options.slack);
    // Where frames are further apart than the step, the next one is not due yet.
    if (!plan.empty() && packets[frame].pts > target + options.step / 2) continue;
    plan.push_back(static_cast<std::int64_t>(frame));
    from = frame + 1;
  }
  return plan;
}

}  // namespace

std::vector<std::int64_t> PlanSamples(const media::PacketIndex& index, Effort effort,
                                      const SamplingOptions& options) {
  const auto& packets = index.packets;
  if (packets.empty()) return {};
  if (effort == Effort::kNormal) return EveryStep(packets, options);
  std::vector<std::int64_t> plan;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const bool is_whole = packets[i].is_keyframe && !packets[i].is_gradual;
    if (effort == Effort::kFull || is_whole) {
      plan.push_back(static_cast<std::int64_t>(i));
    }
  }
  return plan;
}

}  // namespace rollcall::pipeline
