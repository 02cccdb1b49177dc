#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "callerapi/export.hpp"
#include "callerapi/outcome.hpp"
#include "callerapi/time_ledger.hpp"

namespace callerapi {

struct CallRecord;

/// What a service said about its refusal: RFC 9457 problem details where it sent them, and the
/// first bytes of the body in any case.
struct ErrorDetail {
  std::string type;          ///< Problem `type`, usually a URI.
  std::string title;         ///< Problem `title`.
  std::string detail;        ///< Problem `detail`.
  std::string instance;      ///< Problem `instance`.
  std::string body_excerpt;  ///< At most 64 KiB of the response body, as received.
};

/// Why something failed. A value; copying is cheap enough for a failure path.
struct Error {
  Outcome outcome = Outcome::internal;
  std::string reason;  ///< Stable token under the outcome: `illegal_byte`, `refused`. May be empty.
  std::string message;  ///< For people, one line: where, what, the numbers, what to do. No secrets.
  Phase phase = Phase::args;
  Sent sent = Sent::no;
  int status = 0;     ///< HTTP status when a head had arrived, else 0.
  int attempts = 0;   ///< Attempts begun, those that got no connection included.
  TimeLedger time{};  ///< Where the time of a call went that had begun; else nothing but zeros.
  std::shared_ptr<const ErrorDetail> detail{};  ///< Set for http_status, else null.
  /// How it went, see callerapi/explain.hpp; null: it had not begun, or its answer has none.
  std::shared_ptr<const CallRecord> record{};

  /// What to do about it: 4xx is `rejected`, 5xx `failed`, 429 and 503 `overloaded`.
  CALLERAPI_API Condition condition() const noexcept;
};

/// Thrown by Result<T>::value() for those who prefer exceptions.
class CALLERAPI_API CallError : public std::runtime_error {
 public:
  explicit CallError(Error error);
  ~CallError() override;
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

/// Throws CallError; what Result<T>::value() does with an Error.
[[noreturn]] CALLERAPI_API void throw_call_error(Error error);

/// A value or an Error: the interface of std::expected, with a value() that throws CallError.
/// Thread safety: as a plain value. Asking the wrong side
/// (`*r` on an error) is undefined; value() is checked.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  /// Is there a value rather than an Error?
  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; undefined where there is none.
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  /// The Error; undefined where there is a value.
  Error& error() & { return *std::get_if<1>(&state_); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

  /// The value, or throws CallError: the one place where a Result throws.
  T& value() & { return check(), **this; }
  const T& value() const& { return check(), **this; }
  T value() && { return check(), std::move(**this); }

  /// The value, or `other` where there is an Error.
  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

 private:
  void check() const {
    if (!has_value()) throw_call_error(*std::get_if<1>(&state_));
  }
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::make_unique<Error>(std::move(error))) {}

  bool has_value() const noexcept { return error_ == nullptr; }
  explicit operator bool() const noexcept { return has_value(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }
  void value() const {
    if (error_) throw_call_error(*error_);
  }

 private:
  std::unique_ptr<Error> error_;
};

}  // namespace callerapi
