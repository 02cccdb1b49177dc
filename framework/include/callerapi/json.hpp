#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "callerapi/export.hpp"
#include "callerapi/result.hpp"

namespace callerapi::json {

/// What a JSON value is.
enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

/// A look at one value of a Document; cheap to copy, valid as long as the Document. Immutable:
/// any number of threads may read.
class CALLERAPI_API View {
 public:
  View() = default;
  /// For Document.
  explicit View(const void* node) noexcept : node_(node) {}

  /// False where find() or at() found nothing.
  explicit operator bool() const noexcept { return node_ != nullptr; }
  Kind kind() const noexcept;
  // The value, where it is of that kind; else nullopt. Texts are valid as long as the Document.
  std::optional<bool> boolean() const noexcept;
  /// Only whole numbers that fit.
  std::optional<std::int64_t> integer() const noexcept;
  /// The same for whole numbers from 0 to 2^64 - 1.
  std::optional<std::uint64_t> natural() const noexcept;
  std::optional<double> number() const noexcept;
  std::optional<std::string_view> string() const noexcept;
  /// Elements of an array or members of an object; 0 for anything else.
  std::size_t size() const noexcept;
  /// Element `index` of an array, or value of member `index` of an object; false beyond them.
  View at(std::size_t index) const noexcept;
  /// Name of member `index` of an object.
  std::string_view key(std::size_t index) const noexcept;
  /// Value of that member of an object; false where there is none.
  View find(std::string_view key) const noexcept;
  /// Back to text.
  std::string dump() const;

 private:
  const void* node_ = nullptr;
};

/// A parsed JSON text (RFC 8259). Move-only.
class CALLERAPI_API Document {
 public:
  /// Errors: `decode_error`, reason `json`, with the offset. Depth is bounded (128); numbers that
  /// are not finite are refused; of a repeated name the last counts.
  static Result<Document> parse(std::string_view text);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();
  /// The whole text's value.
  View root() const noexcept;

 private:
  struct State;
  explicit Document(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Appends JSON text, value after value; commas and escapes are its business. Numbers that are not
/// finite become null and clear ok(). One thread.
class CALLERAPI_API Writer {
 public:
  // What is begun must be ended, and each member of an object needs its key first.
  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& null();
  Writer& value(bool b);
  Writer& value(double number);
  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Writer& value(T number) {
    return integer(std::to_string(number));
  }
  /// Text that is JSON already.
  Writer& raw(std::string_view json);
  /// key() and value() in one.
  template <class T>
  Writer& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

  /// False: a number had no form in JSON, or a typed time was outside the years 1678 to 2261.
  bool ok() const noexcept { return ok_; }
  /// What was written so far; valid until the next change.
  const std::string& text() const noexcept { return text_; }
  std::string take() { return std::move(text_); }

 private:
  Writer& integer(std::string_view digits);
  void separate();
  std::string text_;
  bool comma_ = false;
  bool ok_ = true;
};

/// A moment, for members of type std::chrono::sys_time<...> of any resolution.
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;
/// RFC 3339 in UTC: "2026-11-24T13:42:40.125Z", with 0 to 9 digits of fraction.
CALLERAPI_API std::string format_time(Time time, int fraction_digits);
/// Reads RFC 3339 with any offset; nullopt where it is none, or outside the years 1678 to 2261.
CALLERAPI_API std::optional<Time> parse_time(std::string_view text);

}  // namespace callerapi::json

#include "callerapi/detail/json_types.hpp"
