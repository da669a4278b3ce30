#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace rollcall::faults {

// What is switched off in the store, for the negative controls.
enum class Breakage {
  kNone,
  kFenceOff,      // Every writer is let in.
  kEarlyReap,     // Leases are reaped without asking whether they ran out.
  kAskersBoot,    // Leases of agents of another boot than whoever asked last are void.
  kStaleReap,     // What ran out at the last look is reaped at the next, without asking again.
  kLostEvent,     // Every job forgets its second event.
  kDedupeOff,     // Two runs of one piece of work may live.
  kKeysOff,       // What is submitted again with its key is taken for something new.
  kForgotCancel,  // A cancel is acknowledged and not done.
  kDropBefore,    // A checkpoint goes before the submission that it goes for is accepted.
  kFullCounts,    // What a full disk has ended counts as interrupted.
};

struct Life {
  std::string violation;  // Empty: none. Says the step.
  int steps = 0;
  std::int64_t writes_refused = 0;  // By the fence.
  std::map<std::string, int> hits;  // Faults by kind.
};

// One life of three agents, their workers and two people around one store in memory, the same for
// the same seed. In its first minute messages are lost on the way there or back, delayed until
// others have overtaken them; agents crash, come back, and are stopped for a while; machines reboot
// or sleep: the store's, an agent's, or all of them, of which each has a boot clock and a boot id
// of its own; the store's wall clock jumps; workers crash, fail, and some write on after their
// agent lost them. Then all faults stop, and everything must end. A StoreModel judges every answer.
Life Simulate(std::uint32_t seed, Breakage breakage, bool is_traced);

}  // namespace rollcall::faults
