#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::jobs {

// All time constants divided by this: fast, and yet far above what a busy machine adds.
inline constexpr int kTimesDivisor = 25;

// What the fake detect makes of three segments.
inline constexpr std::string_view kBytes = "segment 0\nsegment 1\nsegment 2\n";

// The stages of the tests: detect, and track and stills, which need what comes before them.
Engine::Options FakeEngineOptions(const std::filesystem::path& data_dir);

// A request for `stages` of `key`; `params` is for each of them.
store::JobRequest FakeRequest(const std::string& key, const std::vector<std::string>& stages,
                              const base::Json& params);

// Whether the engine says `text` of what keeps it from its work, in a reason or a sentence.
bool HasTrouble(const api::JobView& view, std::string_view text);

// Reads files in another way.
void ReadWith(base::DigestFunction read, Engine::Options& options);

// An engine on a fresh data directory with real workers, scaled times and a store of choice.
class EngineTest : public testing::Test {
 protected:
  static constexpr std::chrono::seconds kLong{60};  // Never reached by a test that passes.

  EngineTest();
  ~EngineTest() override;

  // A new store in memory that goes by `clock` and knows the episode "x".
  void MakeStore(base::Clock& clock);
  // Makes the engine and starts to work. `adjust` may change the options.
  void StartEngine(const std::function<void(Engine::Options&)>& adjust = {});
  // Waits until `is_so`, looking again whenever something changed.
  bool Eventually(const std::function<bool()>& is_so);

  store::Job SubmitOk(const store::JobRequest& request);
  store::Job WaitForEnd(store::JobId id);
  // The newest run of a stage of the key "x".
  store::RunView Run(const std::string& stage);
  std::vector<store::Attempt> Attempts(const std::string& stage);
  api::StageView Stage(store::JobId id, std::size_t index = 0);

  std::string ReadText(const std::string& path);  // Relative to the data directory; "" if missing.
  base::Json ReadJson(const std::string& path);   // null if missing; fails the test if it is none.
  bool Exists(const std::string& path);
  void Touch(const std::string& path);
  std::vector<std::string> LogLines(const std::string& job);  // jobs/<job>/log
  // No process carries the mark of an attempt of any run of "x".
  bool AreAllProcessesGone();

  std::filesystem::path data_dir_;
  base::SystemClock clock_;
  std::unique_ptr<store::JobStore> store_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace rollcall::jobs
