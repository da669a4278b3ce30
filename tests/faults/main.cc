// Breaks the job runtime on purpose and counts what that does; see docs/faults.md.
// Exit code: 0 without a violation, 1 with one, 2 for a wrong command line.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <iterator>
#include <ranges>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "failpoints.h"
#include "jobs/testing/fake_stages.h"
#include "owner_process.h"
#include "sibling.h"
#include "trials.h"
#include "worker/worker.h"

namespace rollcall::faults {
namespace {

constexpr int kNightly = 3;  // Times the full volumes.

struct Trial {
  std::string name;
  int quick = 0;  // Volume of ./test; 0: not there.
  int full = 0;   // Of ./test --faults.
  std::function<std::vector<Row>(int)> run;
};

template <typename Function>
Trial One(std::string name, int quick, int full, Function function) {
  return {std::move(name), quick, full,
          [function](int volume) { return std::vector<Row>{function(volume)}; }};
}

// In the program store_faults.
Trial Sibling(const std::string& name, int quick, int full) {
  return {name, quick, full, [name](int volume) { return RunInSibling(name, volume); }};
}

std::vector<Trial> Trials() {
  return {
      {"worker-kills", 50, 2000, WorkerKills},
      One("shipped-kills", 3, 200, ShippedKills),
      One("shipped-failpoints", 1, 16, ShippedFailpoints),
      One("worker-failpoints", 14, 210, WorkerFailpoints),
      One("worker-stops", 4, 200, WorkerStops),
      {"owner-kills", 12, 300, OwnerKills},
      One("owner-stops", 7, 200, OwnerStops),
      One("owner-failpoints", 7, 140, OwnerFailpoints),
      {"cancels", 10, 200, Cancels},
      Sibling("store-lies", 1, 4),
      Sibling("disk-sweeps", 4, 100'000),  // The second: every write there is.
      Sibling("disk-controls", 1, 1),
      One("clock-jumps", 10, 100, ClockJumps),
      One("same-starts", 20, 200, [](int keys) { return SameStarts(64, keys); }),
      One("claim-races", 1, 20, ClaimRaces),
      One("failpoint-list", 1, 1, [](int) { return FailpointList(); }),
      {"product-times", 0, 10, ProductTimes},
      One("random-lives", 500, 20'000, RandomLives),
      One("simulator", 1'000, 100'000, Simulator),
      One("power-losses", 20, 1'000, PowerLosses),
      One("store-controls", 1, 1, [](int) { return StoreControls(); }),
      One("negative-controls", 1, 1, [](int) { return NegativeControls(); }),
  };
}

struct Wish {
  bool is_quick = false;
  bool is_nightly = false;
  bool lists_parts = false;
  bool prints_rows = false;
  std::size_t together = 1;
  std::vector<std::string> only;
  std::string report;
  int volume = 0;  // 0: each trial's own.
  std::uint32_t seed = 0;
};

std::string Report(const std::vector<Row>& rows, double took_s, const Wish& wish) {
  utsname machine{};
  ::uname(&machine);
  int violations = 0;
  for (const Row& row : rows) violations += static_cast<int>(row.violations.size());
  std::string text = fmt::format(
      "# Reliability\n\nWhat `{}` printed last: {:%F}, {} cores, Linux {}, {:.0f} s. "
      "{} violations.\nWhat the trials do and what is looked at after each round: "
      "docs/faults.md.\n\n",
      wish.is_nightly ? "./test --nightly" : "./test --faults",
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()),
      ::sysconf(_SC_NPROCESSORS_ONLN), std::string_view(machine.release), took_s, violations);
  return text + MarkdownTable(rows);
}

void AddOptions(CLI::App& app, Wish& wish) {
  app.add_flag("--quick", wish.is_quick, "The small volumes of ./test");
  app.add_flag("--nightly", wish.is_nightly, "Three times the volumes of ./test --faults");
  app.add_flag("--parts", wish.lists_parts, "Print the names of the trials");
  app.add_flag("--rows", wish.prints_rows, "Print the rows as JSON");
  app.add_option("--together", wish.together, "So many trials beside each other")
      ->check(CLI::Range(1, 16));
  app.add_option("--only", wish.only, "Trials by name")->delimiter(',');
  app.add_option("--volume", wish.volume, "Instead of a trial's own volume")
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", wish.seed, "Replay one life of the simulator, step by step");
  app.add_option("--report", wish.report, "Write the table here as Markdown");
}

double SecondsSince(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

int VolumeOf(const Trial& trial, const Wish& wish) {
  if (wish.volume > 0) return wish.volume;
  if (wish.is_quick) return trial.quick;
  return wish.is_nightly ? kNightly * trial.full : trial.full;
}

std::vector<Row> Do(const Trial& trial, const Wish& wish) {
  const int volume = VolumeOf(trial, wish);
  if (volume == 0) return {{.name = trial.name, .skipped = "only in the full run"}};
  const auto began = std::chrono::steady_clock::now();
  std::vector<Row> rows =
      wish.together > 1 ? RunInOwnProcess(trial.name, volume) : trial.run(volume);
  for (Row& row : rows) {
    row.took_s = SecondsSince(began) / static_cast<double>(rows.size());
    const bool is_idle = row.rounds == 0 && row.skipped.empty();
    if (is_idle) row.violations.emplace_back("nothing was done");
    if (wish.prints_rows) continue;
    for (const std::string& violation : row.violations | std::views::take(10)) {
      fmt::print(stderr, "{}: {}\n", row.name, violation);
    }
  }
  return rows;
}

// False, with a word to the person, if a name is of no trial.
bool AreAllKnown(const std::vector<Trial>& trials, const std::vector<std::string>& names) {
  const auto is_known = [&](const std::string& name) {
    return std::ranges::find(trials, name, &Trial::name) != trials.end();
  };
  const auto unknown = std::ranges::find_if_not(names, is_known);
  if (unknown == names.end()) return true;
  fmt::print(stderr, "There is no trial '{}'. There are:", *unknown);
  for (const Trial& trial : trials) fmt::print(stderr, " {}", trial.name);
  fmt::print(stderr, "\n");
  return false;
}

// The rows of all trials in their order; as many at a time as are wished, each then in a process of
// its own.
std::vector<Row> DoAll(const std::vector<Trial>& trials, const Wish& wish) {
  std::vector<std::vector<Row>> done(trials.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < trials.size(); i = next++) done[i] = Do(trials[i], wish);
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < wish.together; ++i) others.emplace_back(work);
    work();
  }
  std::vector<Row> rows;
  for (std::vector<Row>& each : done) std::ranges::move(each, std::back_inserter(rows));
  return rows;
}

int Main(int argc, char** argv) {
  Wish wish;
  CLI::App app("Breaks the job runtime on purpose and looks whether its promises hold");
  AddOptions(app, wish);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (wish.seed > 0) return ReplaySeed(wish.seed);
  std::vector<Trial> trials = Trials();
  if (wish.lists_parts) {
    for (const Trial& trial : trials) fmt::print("{}\n", trial.name);
    return 0;
  }
  if (!AreAllKnown(trials, wish.only)) return 2;
  const auto began = std::chrono::steady_clock::now();
  if (!wish.only.empty()) {
    std::erase_if(trials, [&](const Trial& trial) {
      return std::ranges::find(wish.only, trial.name) == wish.only.end();
    });
  }
  const std::vector<Row> rows = DoAll(trials, wish);
  if (wish.prints_rows) {
    fmt::print("{}\n", RowsToJson(rows).dump());
    return 0;
  }
  fmt::print("{}", TextTable(rows));
  const bool is_written =
      wish.report.empty() ||
      base::WriteFileAtomic(wish.report, Report(rows, SecondsSince(began), wish)).ok();
  if (!is_written) return 2;
  return std::ranges::all_of(rows, [](const Row& row) { return row.violations.empty(); }) ? 0 : 1;
}

}  // namespace
}  // namespace rollcall::faults

int main(int argc, char** argv) {
  using namespace rollcall;  // NOLINT(build/namespaces)
  if (argc == 2 && std::string_view(argv[1]) == "--worker") {
    return worker::RunWorker(worker::kWorkerSocketFd, {.handlers = &jobs::MakeFakeStage});
  }
  if (argc == 3 && std::string_view(argv[1]) == "--owner") return faults::RunOwner(argv[2]);
  return faults::Main(argc, argv);
}
