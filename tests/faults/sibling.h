#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "table.h"

namespace rollcall::faults {

// The trials that need the whole engine are in a program of their own, `store_faults`: with all of
// its libraries this one would take many times as long to start, and each worker is a start of it.

// Runs one of that program's trials and returns its rows. A program that does not end well is a
// violation.
std::vector<Row> RunInSibling(const std::string& trial, int volume);

// The same with a trial of this program, in a process of its own. Thread-safe.
std::vector<Row> RunInOwnProcess(const std::string& trial, int volume);

base::Json RowsToJson(const std::vector<Row>& rows);

}  // namespace rollcall::faults
