#include "owner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "base/check.h"
#include "base/clock.h"
#include "housekeeping/data_lock.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "place.h"
#include "store/sqlite/sqlite_store.h"
#include "store/testing/faulty_store.h"
#include "worker/process_table.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using base::Json;
using store::FaultyStore;

constexpr std::chrono::seconds kIdle{4};
constexpr std::chrono::minutes kLong{10};

// "Rss", "Pss".
double MemoryMegabytes(const std::string& kind) {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kind + ":")) return std::stod(line.substr(kind.size() + 1)) * 1024 / 1e6;
  }
  return 0;
}

double CpuSeconds() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// An old file that nothing refers to. The sweeper looks at jobs/ last: when it is gone, all has
// been looked at.
fs::path LeaveForSweeper(const fs::path& folder) {
  constexpr std::time_t kTwoDays = 172'800;
  const fs::path path = folder / "jobs" / ("detect_" + Place::Key(0)) / "left.tmp999999999.1";
  ROLLCALL_CHECK(std::ofstream(path).good());
  const struct timespec old { .tv_sec = ::time(nullptr) - kTwoDays, .tv_nsec = 0 };
  const std::array times{old, old};
  ROLLCALL_CHECK(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
  return path;
}

// When it is so; nothing tells what files do.
template <typename IsSo>
double SecondsUntil(std::chrono::steady_clock::time_point began, const IsSo& is_so) {
  const auto deadline = began + kLong;
  while (!is_so()) {
    ROLLCALL_CHECK(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return Since(began);
}

}  // namespace

int RunOwner(const fs::path& folder) {
  const fs::path left = LeaveForSweeper(folder);
  std::atomic<int> transactions = 0;
  std::promise<double> started;
  std::atomic<bool> is_started = false;

  const auto began = std::chrono::steady_clock::now();
  const auto lock = housekeeping::DataLock::Acquire(folder);
  ROLLCALL_CHECK(lock.ok());
  base::SystemClock clock;
  auto opened = store::SqliteStore::Open(
      {.path = folder / "rollcall.db", .observer = [&](const auto&) { ++transactions; }}, {clock});
  ROLLCALL_CHECK(opened.ok());
  store::FaultyStore store(std::move(opened).value(),
                           [&](std::string_view method, store::FaultyStore::When) {
                             if (method == "TaskStarted" && !is_started.exchange(true))
                               started.set_value(Since(began));
                             return std::optional<base::Error>();
                           });
  jobs::Engine::Options options = jobs::FakeEngineOptions(folder);
  options.times = {};
  const auto engine = jobs::Engine::Create(std::move(options), store, clock);
  ROLLCALL_CHECK(engine.ok() && (*engine)->StartWorking().ok());
  Json facts{{"serving_s", Since(began)}};
  facts["started_s"] = started.get_future().get();
  SecondsUntil(began, [&] { return !(*engine)->HasOpenJobs().value(); });
  std::this_thread::sleep_for(kIdle);
  facts["idle_rss_mb"] = MemoryMegabytes("Rss");
  facts["idle_pss_mb"] = MemoryMegabytes("Pss");
  facts["transactions"] = transactions.load();
  facts["swept_s"] = SecondsUntil(began, [&] { return !fs::exists(left); });
  facts["projected_s"] =
      SecondsUntil(began, [&] { return fs::exists(folder / "jobs" / ".projected.json"); });
  facts["peak_mb"] = static_cast<double>(worker::PeakMemoryBytes(::getpid())) / 1e6;
  facts["rest_rss_mb"] = MemoryMegabytes("Rss");
  facts["cpu_s"] = CpuSeconds();
  fmt::print("{}\n", facts.dump());
  std::fflush(stdout);
  std::_Exit(0);  // As an owner that is killed.
}

Json StartOwner(const fs::path& folder) {
  const std::string command = fmt::format(
      "'{}' --owner '{}'", fs::read_symlink("/proc/self/exe").string(), folder.string());
  FILE* output = ::popen(command.c_str(), "r");
  ROLLCALL_CHECK(output != nullptr);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), output));
  ROLLCALL_CHECK(::pclose(output) == 0);
  auto facts = base::ParseJson(text, "facts");
  ROLLCALL_CHECK(facts.ok(), text);
  return std::move(*facts);
}

}  // namespace rollcall::bench
