#pragma once

#include <functional>

#include "callerapi/deadline.hpp"

namespace callerapi::host {

/// Runs code of a plugin on a thread of its own and waits for it. False when it has not returned in
/// time, or no thread could be had: then it may still run, so it must own what it touches.
bool run_limited(Duration limit, std::function<void()> task);

}  // namespace callerapi::host
