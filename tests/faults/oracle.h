#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "rig.h"
#include "table.h"

namespace rollcall::faults {

// What a job of `segments` segments should leave behind.
std::string ExpectedBytes(int segments);

// Waits for the job's end and looks at everything that docs/faults.md lists; adds what is not as it
// should be to the row.
void CheckRound(Rig& rig, const std::string& key, const store::Job& job, int segments, Row& row);

// The store's audit and SQLite's own check.
void CheckStore(Rig& rig, Row& row);

// Parses all JSON files below a folder about a thousand times a second while it lives.
class JsonReader {
 public:
  explicit JsonReader(std::filesystem::path folder);
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  long reads() const { return reads_; }
  long bad() const { return bad_; }

 private:
  void Run();

  const std::filesystem::path folder_;
  std::atomic<bool> is_ending_{false};
  std::atomic<long> reads_{0};
  std::atomic<long> bad_{0};
  std::thread thread_;
};

}  // namespace rollcall::faults
