#include "command.hpp"

#include <Poco/Base64Decoder.h>
#include <Poco/Base64Encoder.h>
#include <Poco/Exception.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <sstream>

#include "callerapi/otlp.hpp"

namespace callerapi::cli {
namespace {

const char* hint(const Error& error) {
  switch (error.outcome) {
    case Outcome::registry_invalid:
      // Not a fault of the file: what was to be done to it could not be done.
      if (error.reason == "edit" || error.reason == "write" || error.reason == "no_record")
        return "";
      return "; `callerapi lint` shows every fault of the file";
    case Outcome::connect_error:
      return "; is the service running, and base_url right?";
    default:
      return "";
  }
}

/// A table shows what others wrote, a plugin say: what would move the cursor is shown as '?'.
std::string harmless(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
  return text;
}

/// Of a terminal, for text in UTF-8 whose characters are as wide as letters.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
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
  std::cerr << "callerapi: " << error.message << hint(error) << '\n';
  return exit_code(error);
}

void print_settings(const std::vector<SettingInfo>& settings) {
  std::vector<std::vector<std::string>> rows{{"SETTING", "VALUE", "FROM"}};
  for (const SettingInfo& s : settings) rows.push_back({s.key, s.value, s.origin});
  print_table(rows);
}

Result<Caller> open(const Common& common) {
  Options options;
  options.watch = false;
  return open(common, std::move(options));
}

Result<Caller> open(const Common& common, Options options) {
  options.contracts_optional = true;  // they are in other programs
  return Caller::open(common.registry, std::move(options));
}

Result<void> trace_to(const std::string& file, Options& options) {
  if (file.empty()) return {};
  const char* const name = std::getenv("OTEL_SERVICE_NAME");
  auto sink = otlp_file(file, name == nullptr || *name == '\0' ? "callerapi" : name);
  if (!sink) return std::move(sink).error();
  options.on_span = std::move(*sink);
  return {};
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> cells = rows;
  std::vector<std::size_t> widths;
  for (auto& row : cells) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = harmless(row[i]);
      widths[i] = std::max(widths[i], columns_of(row[i]));
    }
  }
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line.append(row[i]).append(widths[i] - columns_of(row[i]) + 2, ' ');
    line.resize(line.find_last_not_of(' ') + 1);
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
               .message = "'" + std::string(text) +
                          "' is no duration: a whole number above 0 and its unit, ms, s or m; "
                          "write 500ms, 2s or 1m"};
}

std::string encode_base64(std::string_view bytes) {
  std::ostringstream out;
  Poco::Base64Encoder encoder(out);
  encoder.rdbuf()->setLineLength(0);
  encoder.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  encoder.close();
  return out.str();
}

Result<std::string> decode_base64(std::string_view text) {
  try {
    std::istringstream in{std::string(text)};
    Poco::Base64Decoder decoder(in);
    std::string bytes((std::istreambuf_iterator<char>(decoder)), std::istreambuf_iterator<char>());
    // The decoder skips line ends and takes half a group for an end: only what comes back is good.
    if (encode_base64(bytes) == text) return bytes;
  } catch (const Poco::DataFormatException&) {
    // Said below.
  }
  return Error{.outcome = Outcome::invalid_argument,
               .reason = "base64",
               .message = "body_b64 is not valid base64"};
}

}  // namespace callerapi::cli
