#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"
#include "app/engine_service.h"
#include "base/clock.h"
#include "base/json.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::faults {

// A data directory with everything that serves commands on it, as in the shipped engine: store,
// engine, planner, service; only the stages are fake. Times are divided by 25, stalls come sooner.
class ServiceRig {
 public:
  using Wrap = std::function<std::unique_ptr<store::JobStore>(std::unique_ptr<store::JobStore>)>;
  struct Options {
    std::string vfs;                               // Of the SQLite store.
    std::function<void(store::JobStore&)> before;  // Done to the bare store before all else.
    Wrap wrap;                                     // Puts something before the store.
    std::function<void(jobs::RuntimeTimes&)> adjust;
  };
  explicit ServiceRig(const Options& options);
  ~ServiceRig();
  ServiceRig(const ServiceRig&) = delete;
  ServiceRig& operator=(const ServiceRig&) = delete;

  // The document that a command gets; once more, as a person would, while the store says that it
  // failed. A refusal of one of `also_done` means that it was done the first time.
  base::Json Ask(const api::Request& request, std::vector<std::string_view> also_done = {});
  // The same for what is a file or a stream.
  void Fetch(const api::Request& request);
  // Reads a stream of events until it is over; of one without an end, what it says first.
  void Follow(const api::Request& request);
  // Waits until the request is refused for this reason.
  void ExpectRefusal(const api::Request& request, std::string_view reason);
  // Submits fake stages of `key`, which need no video.
  store::JobId Submit(const std::string& key, const std::vector<std::string>& stages,
                      const base::Json& params);
  void StartWorking();
  // The engine ends, and another one begins on the same folder and store; it does not work yet.
  void Restart();
  bool Eventually(const std::function<bool()>& is_so);
  void AwaitEnd(store::JobId id);
  void AwaitEndOfAll();

  // The newest run of a stage; nothing if there is none or the store does not say.
  std::optional<store::RunView> Run(const std::string& key, const std::string& stage);
  std::int64_t SegmentCount(const std::string& key, const std::string& stage);
  std::filesystem::path WriteVideo(const std::string& path, std::string_view bytes);
  void Touch(const std::string& name);

  // Everything of docs/faults.md that is independent of what the jobs were. Waits for their ends.
  void CheckAll();
  // The states of all runs, by episode, stage and work: equal wherever the same was asked for.
  std::map<std::string, int> Runs();

  const std::vector<std::string>& violations() const { return violations_; }
  const std::filesystem::path& folder() const { return folder_; }
  store::JobStore& store() { return *store_; }
  jobs::Engine& engine() { return *engine_; }
  void Expect(bool holds, const std::string& sentence);

 private:
  struct Wiring;
  void MakeEngine();
  void CheckRun(const store::RunView& view, bool is_newest_success);

  std::filesystem::path folder_;
  base::SystemClock clock_;
  jobs::Engine::Options engine_options_;
  std::unique_ptr<store::JobStore> store_;
  std::unique_ptr<jobs::Engine> engine_;
  std::unique_ptr<Wiring> wiring_;
  std::vector<std::string> violations_;
};

}  // namespace rollcall::faults
