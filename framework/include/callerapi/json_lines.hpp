#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "callerapi/export.hpp"
#include "callerapi/items.hpp"
#include "callerapi/json.hpp"
#include "callerapi/result.hpp"

namespace callerapi {

/// Cuts bytes into lines, sans I/O. LF ends a line, a CR before it is dropped, empty lines are
/// skipped, the last line needs no end. One thread.
class CALLERAPI_API LineParser {
 public:
  using Item = std::string;
  /// `line_bytes_max` bounds one line, its end not counted.
  explicit LineParser(std::size_t line_bytes_max = std::size_t{1} << 20)
      : line_bytes_max_(line_bytes_max) {}

  /// Takes the next bytes, copied.
  void give(std::string_view bytes);
  /// No more come: what is left is the last line.
  void finish() { ended_ = true; }
  /// The next line; nullopt: more bytes are needed. Error: `response_too_large`, reason `line`; it
  /// stays.
  Result<std::optional<std::string>> next();

 private:
  std::size_t line_bytes_max_;
  std::string bytes_;
  std::size_t at_ = 0, scanned_ = 0;
  bool ended_ = false;
};

/// One value of a type described by CALLERAPI_JSON on each line (application/x-ndjson). A line that
/// does not fit the type is `decode_error`; next() goes on behind it.
template <class T>
class JsonLineParser {
 public:
  using Item = T;
  explicit JsonLineParser(std::size_t line_bytes_max = std::size_t{1} << 20)
      : lines_(line_bytes_max) {}

  void give(std::string_view bytes) { lines_.give(bytes); }
  void finish() { lines_.finish(); }
  /// The next value; nullopt: more bytes are needed. Errors: `response_too_large`, `decode_error`.
  Result<std::optional<T>> next() {
    auto line = lines_.next();
    if (!line) return std::move(line).error();
    if (!*line) return std::optional<T>();
    auto value = from_json<T>(**line);
    if (!value) return std::move(value).error();
    return std::optional<T>(std::move(*value));
  }

 private:
  LineParser lines_;
};

/// `for (Result<std::string>& line : Lines(std::move(body)))`.
using Lines = ItemStream<LineParser>;
/// The same, each line decoded as a T.
template <class T>
using JsonLines = ItemStream<JsonLineParser<T>>;

}  // namespace callerapi
