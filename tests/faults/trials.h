#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table.h"

namespace rollcall::faults {

// Each does as many rounds (or kills, where the name says so) as it is told, and returns what it
// saw.

Row WorkerKills(int kills);  // Every JSON file is read all the time meanwhile.
// The same with the shipped program in detect on a real clip, every result file byte-compared.
Row ShippedKills(int kills);
Row WorkerFailpoints(int rounds);
Row WorkerStops(int rounds);
Row OwnerKills(int kills);
Row OwnerFailpoints(int rounds);
std::vector<Row> Cancels(int rounds);  // A row per kind of worker.

// Each place that calls the store, at its first to `calls`-th call; with 1 that each is reached,
// and lies at some.
Row StoreLies(int calls);
// A disk that is full or broken from the n-th write on, for so many n of store and files each. A
// row for full and one for broken.
std::vector<Row> DiskSweeps(int rounds);
Row ClockJumps(int rounds);
Row SameStarts(int threads, int keys);
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

// `faults --owner FOLDER KEY PARAMS`: owns the folder and does detect of the key until killed.
int RunOwner(const std::string& folder, const std::string& key, const std::string& params);

}  // namespace rollcall::faults
