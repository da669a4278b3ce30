#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace rollcall::faults {

// A place in any module, but for the store's own, that calls a method of store/job_store.h.
struct CallSite {
  std::string file;  // "src/jobs/agent.cc"
  int line = 0;
  std::string method;
  auto operator<=>(const CallSite&) const = default;

  std::string Name() const;  // "agent.cc:228 TaskClaim"
};

// All of them, read from the sources that this program was built from.
std::vector<CallSite> AllCallSites();

// Where the calls came from that returned to these addresses of this program, told by its line
// tables; an address that is in no listed site is left out.
std::map<const void*, CallSite> Locate(const std::map<const void*, std::string>& method_of,
                                       const std::vector<CallSite>& sites);

}  // namespace rollcall::faults
