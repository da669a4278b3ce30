#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "service_rig.h"
#include "store/testing/faulty_store.h"

namespace rollcall::faults {

// A piece of life that reaches some of the places at which the store is called. The same calls give
// the same runs, whatever the store says about one of them.
struct Scenario {
  std::string_view name;
  std::function<void(ServiceRig&)> live;
  std::function<void(store::JobStore&)> before;  // Done to the bare store first.
  // A fault that is always there: the n-th call (from 1) of a method fails before it is done.
  std::string_view failing_method;
  int failing_call = 0;
  const char* failpoint = nullptr;  // ROLLCALL_FAIL of the workers.
};

const std::vector<Scenario>& LieScenarios();

}  // namespace rollcall::faults
