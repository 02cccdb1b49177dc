#pragma once

#include <functional>
#include <system_error>
#include <thread>

#include "callerapi/result.hpp"

namespace callerapi::base {

/// A thread that runs `work` with every signal blocked. Error: `resource_exhausted`, reason
/// `threads`; the system has none to give. Thread-safe.
Result<std::thread> start_thread(std::function<void()> work);

using ThreadStarter = Result<std::thread> (*)(std::function<void()>);

/// That error, of what std::thread threw.
Error no_thread(const std::system_error& thrown);

}  // namespace callerapi::base
