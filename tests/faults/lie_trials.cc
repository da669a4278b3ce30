#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#include "call_sites.h"
#include "floors.h"
#include "lie_scenarios.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using store::FaultyStore;
using Steady = std::chrono::steady_clock;

// Sites that cannot be told from another one of the same file, each with the reason. The other one
// must have been hit.
struct Exception {
  std::string_view site;  // CallSite::Name without the line: "agent.cc TaskClaim".
  std::string_view why;
};
constexpr std::array kMerged{
    Exception{"episode_planner.cc EpisodePut",
              "the same statement twice in one function: the compiler makes one call of them"},
};

// A lie about who holds a lease is overcome when the lease runs out, after 1.2 s.
constexpr std::chrono::milliseconds kOvercomeMax{8'000};

std::chrono::milliseconds Since(Steady::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - then);
}

constexpr std::size_t kSampled = 8;  // One site in so many, in the small volume.

// Counts the calls of the store by where they come from, and lies at one of them.
class Liar {
 public:
  struct Calls {
    std::string method;
    int count = 0;
  };

  // Lies at the n-th call that returns to `caller`; nullptr: never.
  Liar(const Scenario& scenario, const void* caller, int nth)
      : scenario_(scenario), caller_(caller), nth_(nth) {}

  std::optional<base::Error> operator()(std::string_view method, store::FaultyStore::When when) {
    const std::lock_guard lock(mutex_);
    const base::Error lie{base::ErrorCode::kUnavailable, "ERR_STORE_BUSY", "a lie", ""};
    if (when == store::FaultyStore::When::kBefore) {
      const bool is_failing =
          method == scenario_.failing_method && ++failing_calls_ == scenario_.failing_call;
      return is_failing ? std::optional(lie) : std::nullopt;
    }
    Calls& calls = calls_[store::FaultyStore::Caller()];
    calls.method = method;
    ++calls.count;
    if (store::FaultyStore::Caller() != caller_ || calls.count != nth_) return std::nullopt;
    has_lied_ = true;
    return lie;
  }

  std::map<const void*, Calls> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  bool has_lied() {
    const std::lock_guard lock(mutex_);
    return has_lied_;
  }

 private:
  const Scenario& scenario_;
  const void* const caller_;
  const int nth_;
  std::mutex mutex_;
  std::map<const void*, Calls> calls_;
  int failing_calls_ = 0;
  bool has_lied_ = false;
};

struct Lived {
  std::vector<std::string> violations;
  std::map<std::string, int> runs;
};

Lived Live(const Scenario& scenario, Liar& liar) {
  ServiceRig rig({.vfs = {},
                  .before = scenario.before,
                  .wrap =
                      [&](std::unique_ptr<store::JobStore> store) {
                        return std::make_unique<store::FaultyStore>(
                            std::move(store),
                            [&](auto method, auto when) -> std::optional<base::Error> {
                              return liar(method, when);
                            });
                      },
                  .adjust = {}});
  if (scenario.failpoint != nullptr) {
    ::setenv("ROLLCALL_FAIL", scenario.failpoint, 1);
    ::setenv("ROLLCALL_FAIL_COUNT", (rig.folder() / "hits").c_str(), 1);
  }
  scenario.live(rig);
  rig.CheckAll();
  if (scenario.failpoint != nullptr) {
    ::unsetenv("ROLLCALL_FAIL");
    ::unsetenv("ROLLCALL_FAIL_COUNT");
  }
  return {rig.violations(), rig.Runs()};
}

// What one scenario does when nobody lies.
struct Outline {
  const Scenario* scenario = nullptr;
  std::map<std::string, int> runs;
  std::map<const void*, Liar::Calls> calls;
  std::chrono::milliseconds took{};
};

struct Round {
  const Outline* outline = nullptr;
  const void* caller = nullptr;
  CallSite site;
  int nth = 0;
};

class LieTrial {
 public:
  LieTrial(int calls, Row& row) : calls_(calls), row_(row) {}

  void Run() {
    for (const Scenario& scenario : LieScenarios()) Sketch(scenario);
    Place();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
      threads.emplace_back([this] { Work(/*is_alone=*/false); });
    }
    for (std::thread& thread : threads) thread.join();
    next_ = 0;
    Work(/*is_alone=*/true);
    CheckSites();
  }

 private:
  bool is_sample() const { return calls_ <= 1; }

  void Sketch(const Scenario& scenario) {
    const auto began = Steady::now();
    Liar liar(scenario, nullptr, 0);
    Lived lived = Live(scenario, liar);
    for (const std::string& violation : lived.violations) {
      row_.violations.push_back(fmt::format("{}, without a lie: {}", scenario.name, violation));
    }
    outlines_.push_back({.scenario = &scenario,
                         .runs = std::move(lived.runs),
                         .calls = liar.calls(),
                         .took = Since(began)});
  }

  // Each site at its first calls (in the small volume at some sites), in the first scenario
  // that makes so many.
  void Place() {
    sites_ = AllCallSites();
    std::map<const void*, std::string> methods;
    for (const Outline& outline : outlines_) {
      for (const auto& [caller, calls] : outline.calls) methods[caller] = calls.method;
    }
    const auto located = Locate(methods, sites_);
    std::set<std::pair<CallSite, int>> planned;
    for (const Outline& outline : outlines_) {
      for (const auto& [caller, calls] : outline.calls) {
        const auto found = located.find(caller);
        if (found == located.end()) continue;  // The harness itself asked.
        const bool is_new = reached_.insert(found->second).second;
        const bool is_sampled = is_new && reached_.size() % kSampled == 0;
        const int wanted = !is_sample() ? calls_ : is_sampled ? 1 : 0;
        for (int nth = 1; nth <= std::min(wanted, calls.count); ++nth) {
          if (!planned.emplace(found->second, nth).second) continue;
          rounds_.push_back({&outline, caller, found->second, nth});
        }
      }
    }
  }

  void Work(bool is_alone) {
    for (std::size_t i = next_++; i < rounds_.size(); i = next_++) {
      const Round& round = rounds_[i];
      const bool needs_to_be_alone = round.outline->scenario->failpoint != nullptr;
      if (needs_to_be_alone == is_alone) Do(round);
    }
  }

  void Do(const Round& round) {
    const auto began = Steady::now();
    Liar liar(*round.outline->scenario, round.caller, round.nth);
    Lived lived = Live(*round.outline->scenario, liar);
    if (lived.runs != round.outline->runs) {
      lived.violations.emplace_back("other runs than without the lie");
    }
    const auto took = Since(began);
    if (took > round.outline->took + kOvercomeMax) {
      lived.violations.push_back(
          fmt::format("it took {} ms instead of {}", took.count(), round.outline->took.count()));
    }
    const std::lock_guard lock(mutex_);
    ++row_.rounds;
    if (liar.has_lied()) {
      ++row_.hits[round.site.method];
      hit_.insert(round.site);
      row_.Recovered(std::max(std::chrono::milliseconds{0}, took - round.outline->took));
    }
    for (const std::string& violation : lived.violations) {
      row_.violations.push_back(fmt::format("{}, call {} of {}: {}", round.outline->scenario->name,
                                            round.nth, round.site.Name(), violation));
    }
  }

  // So that a new call of the store must be covered.
  void CheckSites() {
    std::set<std::string> hit_names;
    for (const CallSite& site : hit_) hit_names.insert(NameWithoutLine(site));
    int merged = 0;
    for (const CallSite& site : sites_) {
      const std::string name = NameWithoutLine(site);
      const bool is_done = !is_sample() ? hit_.contains(site) : reached_.contains(site);
      if (is_done) continue;
      const bool is_merged = std::ranges::find(kMerged, name, &Exception::site) != kMerged.end() &&
                             (is_sample() || hit_names.contains(name));
      if (is_merged) {
        ++merged;
        continue;
      }
      row_.violations.push_back(fmt::format(
          "{} is {}", site.Name(),
          reached_.contains(site) ? "reached and never lied to" : "reached by no scenario"));
    }
    CheckFloor("call_sites", std::ssize(sites_), row_);
    if (!is_sample()) CheckFloor("call_sites_lied_to", std::ssize(hit_), row_);
    row_.noted["call sites"] = std::ssize(sites_);
    row_.noted["call sites lied to"] = std::ssize(hit_);
    if (merged > 0) row_.noted["call sites merged with these"] = merged;
  }

  static std::string NameWithoutLine(const CallSite& site) {
    return fmt::format("{} {}", site.file.substr(site.file.rfind('/') + 1), site.method);
  }

  const int calls_;
  Row& row_;
  std::vector<Outline> outlines_;
  std::vector<CallSite> sites_;
  std::set<CallSite> reached_;
  std::set<CallSite> hit_;
  std::vector<Round> rounds_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
};

}  // namespace

Row StoreLies(int calls) {
  Row row{.name = "store lies"};
  LieTrial(calls, row).Run();
  return row;
}

}  // namespace rollcall::faults
