#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/error.h"

namespace rollcall::base {

// A value or the Error that kept it from being made.
template <typename T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return Error{…};` both read well.
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }

  T& value() & { return Checked(), std::get<0>(state_); }
  const T& value() const& { return Checked(), std::get<0>(state_); }
  // By value, so that `for (x : std::move(result).value())` does not dangle.
  T value() && { return Checked(), std::get<0>(std::move(state_)); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void Checked() const { ROLLCALL_CHECK(ok(), std::get<1>(state_).ToString()); }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace rollcall::base

#define ROLLCALL_CONCAT_INNER(a, b) a##b
#define ROLLCALL_CONCAT(a, b) ROLLCALL_CONCAT_INNER(a, b)

// Returns the error of `expr` from the enclosing function, if it has one.
#define ROLLCALL_TRY(expr) ROLLCALL_TRY_INNER(ROLLCALL_CONCAT(rollcall_try_, __LINE__), expr)
#define ROLLCALL_TRY_INNER(result, expr)                \
  do {                                                  \
    auto result = (expr);                               \
    if (!result.ok()) return std::move(result).error(); \
  } while (false)

// ROLLCALL_TRY_ASSIGN(auto x, MakeX()): declares or assigns x, or returns the error.
#define ROLLCALL_TRY_ASSIGN(target, expr) \
  ROLLCALL_TRY_ASSIGN_INNER(ROLLCALL_CONCAT(rollcall_result_, __LINE__), target, expr)
#define ROLLCALL_TRY_ASSIGN_INNER(result, target, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) return std::move(result).error();   \
  target = std::move(result).value()
