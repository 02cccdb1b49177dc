#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "callerapi/deadline.hpp"
#include "policy/service_state.hpp"
#include "pool/origin.hpp"

namespace callerapi::caller {

/// The pools that no snapshot leads to any more, for as long as calls use them. While a service of
/// that name is registered their calls may take as long as they like; once there is none, the drain
/// time. A service that comes back in time keeps its calls. Thread-safe.
class Leaving {
 public:
  static constexpr std::chrono::seconds drain_time{30};

  struct Pool {
    std::string service;
    std::shared_ptr<pool::Origin> origin;
    std::shared_ptr<policy::ServiceState> state;  ///< Where calls may wait that use no pool yet.
  };

  void add(const Pool& pool);
  /// Another snapshot is in force, which has the services that `has` says.
  void published(const std::function<bool(const std::string& service)>& has, TimePoint now);
  /// Those whose time is over; each is given out once.
  std::vector<Pool> due(TimePoint now);
  std::vector<Pool> all() const;

 private:
  struct Left {
    std::string service;
    std::weak_ptr<pool::Origin> origin;
    std::weak_ptr<policy::ServiceState> state;
    std::optional<TimePoint> until;
  };
  mutable base::Mutex mutex_;
  std::vector<Left> left_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::caller
