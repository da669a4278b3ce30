#include "base/testing/without_privileges.h"

#include <gtest/gtest.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rollcall::base::testing {
namespace {

__user_cap_header_struct ThisThread() { return {_LINUX_CAPABILITY_VERSION_3, 0}; }

}  // namespace

WithoutPrivileges::WithoutPrivileges() : is_root_(::geteuid() == 0) {
  if (is_root_) PutAway();
}

void WithoutPrivileges::PutAway() {
  auto header = ThisThread();
  ASSERT_EQ(::syscall(SYS_capget, &header, before_.data()), 0) << std::strerror(errno);
  bits_before_ = ::prctl(PR_GET_SECUREBITS);
  // A program that is started would get them back for being root's.
  ASSERT_EQ(::prctl(PR_SET_SECUREBITS, bits_before_ | static_cast<int>(SECBIT_NOROOT)), 0)
      << std::strerror(errno);
  Capabilities without = before_;
  for (const unsigned each :
       std::array<unsigned, 3>{CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER}) {
    without[CAP_TO_INDEX(each)].effective &= ~CAP_TO_MASK(each);
  }
  ASSERT_EQ(::syscall(SYS_capset, &header, without.data()), 0) << std::strerror(errno);
}

WithoutPrivileges::~WithoutPrivileges() {
  if (!is_root_) return;
  auto header = ThisThread();
  EXPECT_EQ(::syscall(SYS_capset, &header, before_.data()), 0) << std::strerror(errno);
  EXPECT_EQ(::prctl(PR_SET_SECUREBITS, bits_before_), 0) << std::strerror(errno);
}

}  // namespace rollcall::base::testing
