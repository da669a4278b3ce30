#pragma once

#include <linux/capability.h>

#include <array>

namespace rollcall::base::testing {

// While it lives, this thread and all that it starts meet files' permissions as everybody does, who
// runs the tests though he be: root's right to pass over them is put away. Threads that were there
// before keep it. For tests of what may not be read or written, with files of this user's own.
//
// Fails the test where it cannot be done.
class WithoutPrivileges {
 public:
  WithoutPrivileges();
  ~WithoutPrivileges();
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  using Capabilities = std::array<__user_cap_data_struct, 2>;

  void PutAway();

  Capabilities before_{};
  int bits_before_ = 0;
  bool is_root_;
};

}  // namespace rollcall::base::testing
