#pragma once

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

Row StoreLies(int calls);  // Each method at its first to `calls`-th call.
Row DiskFull(int calls);   // Likewise.
Row ClockJumps(int rounds);
Row SameStarts(int threads, int keys);
Row RandomLives(int seeds);

// Variants that are broken on purpose. A violation is a control that was not caught.
Row NegativeControls();

// `faults --owner FOLDER KEY PARAMS`: owns the folder and does detect of the key until killed.
int RunOwner(const std::string& folder, const std::string& key, const std::string& params);

}  // namespace rollcall::faults
