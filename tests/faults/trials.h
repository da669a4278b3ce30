#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table.h"

namespace rollcall::faults {

// Each does as many rounds (or kills, stops, jumps that hit) as it is told, and returns what it
// saw.

// Every JSON file is read all the time meanwhile, which is a row of its own.
std::vector<Row> WorkerKills(int kills);
// The same with the shipped program in detect on a real clip, every result file byte-compared.
Row ShippedKills(int kills);
// Likewise, at the failpoints that only it has.
Row ShippedFailpoints(int rounds);
Row WorkerFailpoints(int rounds);
Row WorkerStops(int stops);
// Killed with its workers, and so that something of them is left.
std::vector<Row> OwnerKills(int kills);
// Stopped for longer than its lease while another host takes over.
Row OwnerStops(int stops);
void CheckRefused(Row& row);  // That what they then wrote was refused, at least once.
Row OwnerFailpoints(int rounds);
std::vector<Row> Cancels(int rounds);  // A row per kind of worker.

// Each place that calls the store, at its first to `calls`-th call; with 1 that each is reached,
// and lies at some.
Row StoreLies(int calls);
// A disk that is full or broken from the n-th write on, for so many n of store and files each. A
// row for full and one for broken.
// A segment also meets the full one again and again.
std::vector<Row> DiskSweeps(int rounds);
// The same with something broken on purpose. A violation is a control that was not caught.
Row DiskControls();
// Wall clock jumps, sleep of the machine, both also when a lease is nearly over.
Row ClockJumps(int jumps);
// The workers are killed meanwhile.
Row SameStarts(int threads, int keys);
// Two hosts claim all there is, again and again: each piece of work once.
Row ClaimRaces(int rounds);
// Rounds of each at the product's own time constants, all at a time.
std::vector<Row> ProductTimes(int rounds);
Row RandomLives(int seeds);

// Lives of agents around a store in memory, judged by a model (simulator.h), on all cores.
Row Simulator(int seeds);
Row PowerLosses(int rounds);
// Stores that are broken on purpose, before the simulator and the loss of power.
Row StoreControls();
bool IsUnsyncedLossCaught();
int ReplaySeed(std::uint32_t seed);  // Prints every step. An exit code.

// Variants that are broken on purpose. A violation is a control that was not caught.
Row NegativeControls();

}  // namespace rollcall::faults
