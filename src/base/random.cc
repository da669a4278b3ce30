#include "base/random.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cstdint>
#include <random>

#include "base/check.h"

namespace rollcall::base {

std::string RandomId() {
  std::array<std::uint64_t, 2> bits{};
  ROLLCALL_CHECK(getrandom(bits.data(), sizeof bits, 0) == sizeof bits);
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

double RandomUnit() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0.0, 1.0}(engine);
}

}  // namespace rollcall::base
