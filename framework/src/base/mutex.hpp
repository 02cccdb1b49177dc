#pragma once

#include <mutex>

// Lock annotations, checked by clang's -Wthread-safety; g++ sees nothing of them.
#if defined(__clang__)
#define CALLERAPI_ANNOTATION(x) __attribute__((x))
#else
#define CALLERAPI_ANNOTATION(x)
#endif
#define CALLERAPI_CAPABILITY(x) CALLERAPI_ANNOTATION(capability(x))
#define CALLERAPI_SCOPED_CAPABILITY CALLERAPI_ANNOTATION(scoped_lockable)
#define CALLERAPI_GUARDED_BY(x) CALLERAPI_ANNOTATION(guarded_by(x))
#define CALLERAPI_REQUIRES(...) CALLERAPI_ANNOTATION(requires_capability(__VA_ARGS__))
#define CALLERAPI_EXCLUDES(...) CALLERAPI_ANNOTATION(locks_excluded(__VA_ARGS__))
#define CALLERAPI_ACQUIRE(...) CALLERAPI_ANNOTATION(acquire_capability(__VA_ARGS__))
#define CALLERAPI_RELEASE(...) CALLERAPI_ANNOTATION(release_capability(__VA_ARGS__))

namespace callerapi::base {

/// std::mutex with the annotations the analysis needs on every standard library.
class CALLERAPI_CAPABILITY("mutex") Mutex {
 public:
  void lock() CALLERAPI_ACQUIRE() { mutex_.lock(); }
  void unlock() CALLERAPI_RELEASE() { mutex_.unlock(); }
  /// For condition variables.
  std::mutex& native() { return mutex_; }

 private:
  std::mutex mutex_;
};

class CALLERAPI_SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(Mutex& mutex) CALLERAPI_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() CALLERAPI_RELEASE() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace callerapi::base
