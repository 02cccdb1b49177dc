// A plugin is replaced ten times a second under load, one time in ten by a bad file: for a minute,
// under a sanitizer for ten seconds, or for as long as CALLERAPI_SOAK_SECONDS says (600 is the long
// form).
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "stage.hpp"

namespace callerapi::hostile {
namespace {

using Clock = std::chrono::steady_clock;

std::size_t resident_kib() {
  std::istringstream statm(bytes_of("/proc/self/statm"));
  std::size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // what is freed is kept for a while: the size says nothing
#else
constexpr bool sanitized = false;
#endif

/// The size of the process over time, and how it grows.
class Sizes {
 public:
  void add(double seconds, std::size_t kib) {
    seen_.push_back({seconds, static_cast<double>(kib)});
  }
  /// What the second half gained from its beginning to its end, by the line of least squares:
  /// single values jump by what the allocator takes at once.
  double gained_kib() const {
    const std::size_t from = seen_.size() / 2, count = seen_.size() - from;
    double t = 0, kib = 0, tt = 0, tk = 0;
    for (std::size_t i = from; i < seen_.size(); ++i) {
      t += seen_[i].seconds / static_cast<double>(count);
      kib += seen_[i].kib / static_cast<double>(count);
    }
    for (std::size_t i = from; i < seen_.size(); ++i) {
      tt += (seen_[i].seconds - t) * (seen_[i].seconds - t);
      tk += (seen_[i].seconds - t) * (seen_[i].kib - kib);
    }
    return tt > 0 ? tk / tt * (seen_.back().seconds - seen_[from].seconds) : 0;
  }

 private:
  struct Seen {
    double seconds, kib;
  };
  std::vector<Seen> seen_;
};

class Soak : public Stage {
 protected:
  static constexpr int threads_max = 64;

  static std::chrono::seconds length() {
    const char* given = std::getenv("CALLERAPI_SOAK_SECONDS");
    return std::chrono::seconds(given ? std::atoi(given) : sanitized ? 10 : 60);
  }

  void run_callers(Caller& caller) {
    for (int i = 0; i < threads_max; ++i)
      threads_.emplace_back([this, &caller] {
        while (!stop_) {
          const std::string answer = call(caller, "good");
          // Both hooks of one call come from one generation.
          if (answer != "1/1" && answer != "2/2") {
            ++failed_;
            std::lock_guard lock(mutex_);
            seen_ = answer;
          }
          // What the server notes of each request would otherwise be the size that grows.
          if (++done_ % 256 == 0) server_.forget_requests();
        }
      });
  }
  void stop_callers() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  /// Replacement `i`; false when it must be refused.
  bool replace(int i) const {
    const std::string salt = std::to_string(i);  // after the ELF: new bytes, the same plugin
    if (i % 10 == 9) {
      // Of another ABI; cut off; or one that fails when it is tried out in a child.
      const std::string bad[] = {built("other_abi") + salt, built("sound").substr(0, 5000),
                                 built("create_throws") + salt};
      install("good", bad[i / 10 % 3]);
      return false;
    }
    install("good", built(i % 2 == 0 ? "sound2" : "sound3") + salt);
    return true;
  }

  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> failed_{0}, done_{0};
  std::vector<std::thread> threads_;
  std::string seen_;
};

/// Semantics S19, test 16.
TEST_F(Soak, S19_N16_ReplacedTenTimesASecondNoCallFailsAndEveryOldCopyGoes) {
  Caller caller = open_good();
  const std::size_t one = mapped("callerapi:good");
  run_callers(caller);
  Sizes sizes;
  int replaced = 0, refused = 0;
  const auto began = Clock::now(), until = began + length();
  for (auto next = began; Clock::now() < until; next += std::chrono::milliseconds(100)) {
    std::this_thread::sleep_until(next);  // the pace is what is tested
    const bool wanted = replace(replaced + refused);
    const auto reloaded = caller.reload();
    ASSERT_EQ(static_cast<bool>(reloaded), wanted) << (reloaded ? "" : reloaded.error().message);
    ++(wanted ? replaced : refused);
    sizes.add(std::chrono::duration<double>(Clock::now() - began).count(), resident_kib());
  }
  stop_callers();
  const auto patience = Clock::now() + std::chrono::seconds(20);
  while (caller.stats().plugins_draining > 0 && Clock::now() < patience) std::this_thread::yield();

  EXPECT_EQ(failed_.load(), 0u) << "of " << done_.load() << ", the last: " << seen_;
  EXPECT_GT(replaced, 5);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(caller.stats().plugins_draining, 0u) << "calls of retired generations are in flight";
  EXPECT_EQ(mapped("callerapi:good"), one) << "copies of retired generations are mapped";
  EXPECT_EQ(caller.stats().plugins_zombie, 0u);
  EXPECT_EQ(caller.stats().plugins_overdue, 0u);
  if (!sanitized && length() >= std::chrono::seconds(60)) {
    EXPECT_LT(sizes.gained_kib(), 2048);
  }
  std::printf(
      "%llu calls, %d upgrades, %d refused, grown by %.0f KiB in the second half to %zu KiB\n",
      static_cast<unsigned long long>(done_.load()), replaced, refused, sizes.gained_kib(),
      resident_kib());
}

}  // namespace
}  // namespace callerapi::hostile
