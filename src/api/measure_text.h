#pragma once

#include <cstdint>
#include <string>

namespace rollcall::api {

// Amounts for people.

// "0.4 s", "42 s", "1:02", "1:02:03": a duration for people.
std::string ShortDuration(double seconds);
// "1:23.4": for screen time, with tenths.
std::string ExactDuration(double seconds);
// "12 600"
std::string Grouped(std::int64_t number);
// "3.4 MB"
std::string Bytes(std::int64_t bytes);

}  // namespace rollcall::api
