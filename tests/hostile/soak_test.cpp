// A plugin is replaced ten times a second under load, one time in ten by a bad file.
// CALLERAPI_SOAK_SECONDS sets how long, 10 by default.
#include <unistd.h>

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

class Soak : public Stage {
 protected:
  static constexpr int threads_max = 3;

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
          ++done_;
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
      install("good", i % 20 == 9 ? built("other_abi") + salt : built("sound").substr(0, 5000));
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

TEST_F(Soak, ReplacedTenTimesASecondNoCallFailsAndEveryOldCopyGoes) {
  const char* given = std::getenv("CALLERAPI_SOAK_SECONDS");
  const auto until = Clock::now() + std::chrono::seconds(given ? std::atoi(given) : 10);
  Caller caller = open_good();
  const std::size_t one = mapped("callerapi:good");
  run_callers(caller);
  std::size_t settled_kib = 0;
  int replaced = 0, refused = 0;
  for (auto next = Clock::now(); Clock::now() < until; next += std::chrono::milliseconds(100)) {
    std::this_thread::sleep_until(next);  // the pace is what is tested
    const int i = replaced + refused;
    server_.forget_requests();
    const bool wanted = replace(i);
    const auto reloaded = caller.reload();
    ASSERT_EQ(static_cast<bool>(reloaded), wanted) << (reloaded ? "" : reloaded.error().message);
    ++(wanted ? replaced : refused);
    if (i == 30) settled_kib = resident_kib();
  }
  stop_callers();
  const auto patience = Clock::now() + std::chrono::seconds(20);
  while (caller.stats().plugins_draining > 0 && Clock::now() < patience) std::this_thread::yield();

  EXPECT_EQ(failed_.load(), 0u) << "of " << done_.load() << ", the last: " << seen_;
  EXPECT_GT(replaced, 5);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(mapped("callerapi:good"), one) << "copies of retired generations are mapped";
  EXPECT_EQ(caller.stats().plugins_zombie, 0u);
  if (settled_kib > 0) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // A sanitizer keeps what is freed: there the size says nothing.
    EXPECT_LT(resident_kib(), settled_kib + 4096);
#endif
  }
  std::printf("%llu calls, %d upgrades, %d refused, %zu KiB then %zu KiB\n",
              static_cast<unsigned long long>(done_.load()), replaced, refused, settled_kib,
              resident_kib());
}

}  // namespace
}  // namespace callerapi::hostile
