#include "caller/leaving.hpp"

#include <utility>

namespace callerapi::caller {

void Leaving::add(const Pool& pool) {
  base::Lock lock(mutex_);
  left_.push_back({pool.service, pool.origin, pool.state, std::nullopt});
}

void Leaving::published(const std::function<bool(const std::string&)>& has, TimePoint now) {
  base::Lock lock(mutex_);
  std::erase_if(left_, [](const Left& one) { return one.origin.expired(); });
  for (Left& one : left_) {
    if (has(one.service))
      one.until.reset();
    else if (!one.until)
      one.until = now + drain_time;
  }
}

std::vector<Leaving::Pool> Leaving::due(TimePoint now) {
  std::vector<Pool> over;
  base::Lock lock(mutex_);
  std::erase_if(left_, [&](const Left& one) {
    if (!one.until || now < *one.until) return false;
    if (auto origin = one.origin.lock())
      over.push_back({one.service, std::move(origin), one.state.lock()});
    return true;
  });
  return over;
}

std::vector<Leaving::Pool> Leaving::all() const {
  std::vector<Pool> alive;
  base::Lock lock(mutex_);
  for (const Left& one : left_)
    if (auto origin = one.origin.lock())
      alive.push_back({one.service, std::move(origin), one.state.lock()});
  return alive;
}

}  // namespace callerapi::caller
