#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace callerapi::policy {

using Uuid = std::array<char, 36>;
inline std::string_view view(const Uuid& uuid) noexcept { return {uuid.data(), uuid.size()}; }

/// RFC 9562 version 7: `unix_ms` first, so that keys sort by time.
Uuid uuid_v7(std::int64_t unix_ms, std::uint64_t random_a, std::uint64_t random_b) noexcept;
/// The same with all other bits made of one evenly spread number.
Uuid uuid_v7(std::int64_t unix_ms, std::uint64_t random) noexcept;

}  // namespace callerapi::policy
