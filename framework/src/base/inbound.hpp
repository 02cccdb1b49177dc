#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/deadline.hpp"

namespace callerapi::base {

/// A whole number of milliseconds above 0, digits only; more than a year counts as a year.
std::optional<Duration> parse_timeout_ms(std::string_view text) noexcept;
/// gRPC's form: 1 to 8 digits and a unit of H M S m u n; above 0.
std::optional<Duration> parse_grpc_timeout(std::string_view text) noexcept;
/// The members of a W3C baggage whose keys are allowed; nullopt: it is no baggage.
std::optional<std::string> filter_baggage(std::string_view text,
                                          const std::vector<std::string>& allowed);
/// Visible ASCII, blanks and tabs, at most `bytes_max`: safe to send on.
bool is_plain_field(std::string_view text, std::size_t bytes_max) noexcept;

/// How many inbound fields this process could not read so far. Relaxed.
std::uint64_t inbound_ignored() noexcept;

}  // namespace callerapi::base
