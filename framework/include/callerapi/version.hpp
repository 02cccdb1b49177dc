#pragma once

#include <cstdint>

namespace callerapi {

/// Version of the library these headers belong to, by semantic versioning.
inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;

/// The same as one number, `major * 10^8 + minor * 10^4 + patch`: a plugin states the least
/// version of the host it needs in this form.
inline constexpr std::uint64_t version_packed =
    std::uint64_t{version_major} * 100'000'000 + version_minor * 10'000 + version_patch;

/// "major.minor.patch".
inline constexpr const char* version_string = "0.1.0";

}  // namespace callerapi
