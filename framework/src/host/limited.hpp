#pragma once

#include <cstdint>
#include <functional>

#include "callerapi/deadline.hpp"

namespace callerapi::host {

enum class Limited : std::uint8_t {
  returned,
  late,         ///< It may still run, so it must own what it touches.
  not_started,  ///< No thread could be had: nothing of it ran, and what it held is gone.
};

/// Runs code of a plugin on a thread of its own and waits for it, for `limit` at most.
Limited run_limited(Duration limit, std::function<void()> task);

}  // namespace callerapi::host
