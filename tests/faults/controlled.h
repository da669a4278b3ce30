#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "json_reader.h"
#include "rig.h"
#include "table.h"

namespace rollcall::faults {

// Trials that the negative controls do as well, with something broken in them on purpose.

struct KillVariant {
  using Prepare = std::function<void(Rig& rig, const std::string& key)>;
  using Spoil = std::function<void(Rig& rig, const std::string& key, JsonReader& reader)>;
  Rig::Wrap wrap = {};                       // Before the store.
  base::Json params = base::Json::object();  // Added to those of the jobs.
  Prepare before_job = {};
  Spoil after_job = {};  // All has settled, and nobody but the reader has looked yet.
};
// Kills workers until so many kills hit, and JSON files were read for long enough in proportion to
// that. The rows "worker killed" and "JSON reader".
std::vector<Row> KillWorkers(int kills, const KillVariant& variant);

// An owner is stopped for longer than its lease while another host takes over.
struct OwnerStop {
  int round;  // Which kind, and when it goes on.
  int times_divisor;
  bool is_unfenced = false;  // Its store lets in every writer.
};
void StopOwnerOnce(const OwnerStop& stop, Row& row);
// Rounds of it that stop before a commit and go on while the other host is at work.
inline constexpr int kStopsInCommit[] = {9, 23, 37};

// The clocks jump, in the way that belongs to the round.
void JumpOnce(int round, const Rig::Wrap& wrap, Row& row);
// The wall clock does, in a job that takes longer than a lease.
inline constexpr int kLongJump = 4;

// Two hosts claim all there is.
using OpenStore = std::function<std::unique_ptr<store::JobStore>(const std::filesystem::path&)>;
void RaceForClaims(const OpenStore& open, Row& row);

}  // namespace rollcall::faults
