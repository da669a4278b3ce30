// `store_faults TRIAL VOLUME`: one trial that needs the whole engine; prints its rows as JSON.
// Called by `faults`.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <cstdlib>
#include <string_view>

#include "sibling.h"
#include "trials.h"

int main(int argc, char** argv) {
  using namespace rollcall::faults;  // NOLINT(build/namespaces)
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string_view trial = argc == 3 ? argv[1] : "";
  const int volume = argc == 3 ? std::atoi(argv[2]) : 0;
  std::vector<Row> rows;
  if (trial == "store-lies") rows.push_back(StoreLies(volume));
  if (trial == "disk-sweeps") rows = DiskSweeps(volume);
  if (trial == "disk-controls") rows.push_back(DiskControls());
  if (rows.empty()) return 2;
  fmt::print("{}\n", RowsToJson(rows).dump());
  return 0;
}
