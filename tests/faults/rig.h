#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "housekeeping/data_lock.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::faults {

// What the runtime's times are divided by in most trials; see docs/faults.md.
inline constexpr int kTimesDivisor = 50;

// A data directory with everything that owns it: store, engine, workers, all of them the real ones.
// Its jobs are the fake stage "detect" of keys that the caller makes up.
class Rig {
 public:
  using Wrap = std::function<std::unique_ptr<store::JobStore>(std::unique_ptr<store::JobStore>)>;
  struct Options {
    int times_divisor;     // Of the product's time constants.
    std::string agent_id;  // Another one than "owner" is another host on the same store.
    int slots;
  };

  Rig();  // As the runtime's tests have it: see FakeEngineOptions.
  explicit Rig(Options options);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  // Opens the store and starts to work; how long that took. `wrap` puts something before the store.
  std::chrono::milliseconds Own(const Wrap& wrap = {});
  // Ends the engine, gently, and lets go of the directory.
  void LetGo();

  store::Job Submit(const std::string& key, const base::Json& params);
  // Waits, in short turns, until `is_so`; false after `limit`.
  bool Eventually(const std::function<bool()>& is_so,
                  std::chrono::seconds limit = std::chrono::seconds{60});
  api::StageView Stage(store::JobId id);
  store::RunView Run(const std::string& key);
  std::size_t SegmentCount(const std::string& key);

  const std::filesystem::path& folder() const { return folder_; }
  store::JobStore& store() { return *store_; }
  jobs::Engine& engine() { return *engine_; }
  // Moves the wall clock that the engine sees.
  void JumpWall(std::chrono::milliseconds by);
  // Moves both clocks, as a machine's that slept so long: nothing has run meanwhile.
  void Sleep(std::chrono::milliseconds by);
  // What the engine takes for now.
  base::Instant Now();

 private:
  class JumpingClock;

  const Options options_;
  std::filesystem::path folder_;
  std::unique_ptr<JumpingClock> clock_;
  std::optional<housekeeping::DataLock> lock_;
  std::unique_ptr<store::JobStore> store_;
  std::unique_ptr<jobs::Engine> engine_;
};

}  // namespace rollcall::faults
