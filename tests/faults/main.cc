// Breaks the job runtime on purpose and counts what that does; see docs/faults.md.
// Exit code: 0 without a violation, 1 with one, 2 for a wrong command line.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string_view>

#include "base/file.h"
#include "jobs/testing/fake_stages.h"
#include "jobs/worker.h"
#include "owner_process.h"
#include "sibling.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

constexpr int kNightly = 10;  // Times the full volumes.

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
      One("worker-kills", 30, 2000, WorkerKills),
      One("shipped-kills", 3, 200, ShippedKills),
      One("worker-failpoints", 14, 210, WorkerFailpoints),
      One("worker-stops", 4, 200, WorkerStops),
      {"owner-kills", 12, 300, OwnerKills},
      One("owner-stops", 7, 200, OwnerStops),
      One("owner-failpoints", 5, 100, OwnerFailpoints),
      {"cancels", 10, 200, Cancels},
      Sibling("store-lies", 1, 4),
      Sibling("disk-sweeps", 4, 100'000),  // The second: every write there is.
      One("clock-jumps", 10, 100, ClockJumps),
      One("same-starts", 20, 200, [](int keys) { return SameStarts(64, keys); }),
      {"product-times", 0, 10, ProductTimes},
      One("random-lives", 500, 20'000, RandomLives),
      One("simulator", 1'000, 100'000, Simulator),
      One("power-losses", 20, 1'000, PowerLosses),
      One("store-controls", 1, 1, [](int) { return StoreControls(); }),
      One("negative-controls", 1, 1, [](int) { return NegativeControls(); }),
  };
}

std::string Report(const std::vector<Row>& rows, double took_s) {
  utsname machine{};
  ::uname(&machine);
  int violations = 0;
  for (const Row& row : rows) violations += static_cast<int>(row.violations.size());
  std::string text = fmt::format(
      "# Reliability\n\nWhat `./test --faults` printed last: {:%F}, {} cores, Linux {}, {:.0f} s. "
      "{} violations.\nWhat the trials do and what is looked at after each round: "
      "[faults.md](faults.md).\n\n",
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()),
      ::sysconf(_SC_NPROCESSORS_ONLN), std::string_view(machine.release), took_s, violations);
  return text + MarkdownTable(rows);
}

int Main(int argc, char** argv) {
  bool is_quick = false;
  bool is_nightly = false;
  std::vector<std::string> only;
  std::string report;
  int volume = 0;
  std::uint32_t seed = 0;
  CLI::App app("Breaks the job runtime on purpose and looks whether its promises hold");
  app.add_flag("--quick", is_quick, "The small volumes of ./test");
  app.add_flag("--nightly", is_nightly, "Ten times the volumes of ./test --faults");
  app.add_option("--only", only, "Trials by name")->delimiter(',');
  app.add_option("--volume", volume, "Instead of a trial's own volume");
  app.add_option("--seed", seed, "Replay one life of the simulator, step by step");
  app.add_option("--report", report, "Write the table here as Markdown");
  CLI11_PARSE(app, argc, argv);
  if (seed > 0) return ReplaySeed(seed);
  const auto began = std::chrono::steady_clock::now();
  const auto since = [](auto then) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
  };
  std::vector<Row> rows;
  for (const Trial& trial : Trials()) {
    if (!only.empty() && std::ranges::find(only, trial.name) == only.end()) continue;
    if (only.empty() && is_quick && trial.quick == 0) continue;
    const auto trial_began = std::chrono::steady_clock::now();
    const int wanted = volume > 0   ? volume
                       : is_quick   ? trial.quick
                       : is_nightly ? kNightly * trial.full
                                    : trial.full;
    std::vector<Row> done = trial.run(wanted);
    for (Row& row : done) {
      row.took_s = since(trial_began) / static_cast<double>(done.size());
      for (std::size_t i = 0; i < std::min<std::size_t>(row.violations.size(), 10); ++i) {
        fmt::print(stderr, "{}: {}\n", row.name, row.violations[i]);
      }
      rows.push_back(std::move(row));
    }
  }
  fmt::print("{}", TextTable(rows));
  if (!report.empty() && !base::WriteFileAtomic(report, Report(rows, since(began))).ok()) return 2;
  return std::ranges::all_of(rows, [](const Row& row) { return row.violations.empty(); }) ? 0 : 1;
}

}  // namespace
}  // namespace rollcall::faults

int main(int argc, char** argv) {
  using namespace rollcall;  // NOLINT(build/namespaces)
  if (argc == 2 && std::string_view(argv[1]) == "--worker") {
    return jobs::RunWorker(jobs::kWorkerSocketFd, &jobs::MakeFakeStage);
  }
  if (argc == 3 && std::string_view(argv[1]) == "--owner") return faults::RunOwner(argv[2]);
  return faults::Main(argc, argv);
}
