#include "command.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iostream>

namespace callerapi::cli {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char* hint(Outcome outcome) {
  switch (outcome) {
    case Outcome::registry_invalid:
      return "; `callerapi lint` shows every fault of the file";
    case Outcome::connect_error:
      return "; is the service running, and base_url right?";
    default:
      return "";
  }
}

}  // namespace

int exit_code(const Error& error) noexcept {
  if (error.outcome == Outcome::registry_invalid) return 3;
  if (error.outcome == Outcome::plugin_rejected) return 4;
  switch (error.condition()) {
    case Condition::ok:
      return 0;
    case Condition::invalid_request:
      return 2;
    case Condition::timeout:
      return 6;
    case Condition::unavailable:
      return 5;
    case Condition::rejected:
    case Condition::failed:
    case Condition::overloaded:
    case Condition::cancelled:
    case Condition::not_configured:
      return 1;
  }
  return 1;
}

int report(const Error& error) {
  std::cerr << "callerapi: " << error.message << hint(error.outcome) << '\n';
  return exit_code(error);
}

Result<Caller> open(const Common& common) {
  Options options;
  options.watch = false;
  return Caller::open(common.registry, std::move(options));
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    std::cout << line << '\n';
  }
}

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, value);
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  if (failed == std::errc() && value > 0 && value < 1'000'000'000) {
    if (unit == "ms") return Duration(std::chrono::milliseconds(value));
    if (unit == "s") return Duration(std::chrono::seconds(value));
    if (unit == "m") return Duration(std::chrono::minutes(value));
  }
  return Error{.outcome = Outcome::invalid_argument,
               .reason = "duration",
               .message = "'" + std::string(text) + "' is no duration; write 500ms, 2s or 1m"};
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out += k <= n ? alphabet[(group >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

Result<std::string> decode_base64(std::string_view text) {
  const Error bad{.outcome = Outcome::invalid_argument,
                  .reason = "base64",
                  .message = "body_b64 is not valid base64"};
  if (text.size() % 4 != 0) return bad;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const char c = text[i + k];
      const auto value = i + k >= text.size() - padding ? 0 : alphabet.find(c);
      if (value == std::string_view::npos) return bad;
      group = (group << 6) | static_cast<std::uint32_t>(value);
    }
    for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>((group >> shift) & 255);
  }
  out.resize(out.size() - padding);
  return out;
}

}  // namespace callerapi::cli
