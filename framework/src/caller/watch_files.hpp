#pragma once

#include <memory>
#include <system_error>
#include <utility>

#include "base/thread.hpp"
#include "registry/watch.hpp"

namespace callerapi::caller {

/// A FileWatch of these arguments, or `resource_exhausted` where the system has no thread for it.
template <class... Args>
Result<std::unique_ptr<registry::FileWatch>> watch_files(Args&&... args) {
  try {
    return std::make_unique<registry::FileWatch>(std::forward<Args>(args)...);
  } catch (const std::system_error& thrown) {
    return base::no_thread(thrown);
  }
}

}  // namespace callerapi::caller
