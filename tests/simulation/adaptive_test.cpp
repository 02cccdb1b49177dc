// limits.adaptive before a service whose capacity drops and comes back, in virtual time.
// CALLERAPI_SERIES=FILE writes what the plots are made of.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "simulation/model.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

/// So many requests at once, each for 50 ms or so; the others wait there, in order.
class Counter {
 public:
  Counter(const policy::Settings& settings, int places, std::uint64_t seed = 1)
      : places_(places),
        model(
            settings, 1,
            [this](int, const Answer& answer) {
              waiting_.push(answer);
              serve();
            },
            seed) {}

  void open(int places) {
    places_ = places;
    serve();
  }
  /// Good answers, and their latency, of the calls that began in [from, to).
  struct Seen {
    int good = 0, all = 0;
    double median_ms = 0;
  };
  Seen seen(Duration from, Duration to) const {
    Seen seen;
    std::vector<Duration> took;
    for (const Model::Done& one : model.done()) {
      if (one.began < from || one.began >= to) continue;
      ++seen.all;
      if (one.good) took.push_back(one.took);
    }
    seen.good = static_cast<int>(took.size());
    std::ranges::sort(took);
    if (!took.empty())
      seen.median_ms = std::chrono::duration<double, std::milli>(took[took.size() / 2]).count();
    return seen;
  }

 private:
  void serve() {
    while (busy_ < places_ && !waiting_.empty()) {
      ++busy_;
      const Answer answer = waiting_.front();
      waiting_.pop();
      const Duration time(40ms + Duration(static_cast<Duration::rep>(20e6 * even(model.loop()))));
      model.loop().after(time, [this, answer] {
        --busy_;
        answer(200);
        serve();
      });
    }
  }

  int places_, busy_ = 0;
  std::queue<Answer> waiting_;

 public:
  Model model;
};

policy::Settings with(policy::Adaptive adaptive) {
  policy::Settings settings;
  settings.limits.inflight = 256;
  settings.limits.adaptive = adaptive;
  return settings;
}

/// 200 calls a second to a service that can do 400, for half a minute 80, then 400 again.
struct Drop {
  static constexpr Duration at = 30s, back = 60s, end = 90s;

  explicit Drop(policy::Adaptive adaptive, std::uint64_t seed = 1)
      : service(with(adaptive), 20, seed) {
    const auto run = [this](Duration time) {
      for (Duration done{}; done < time; done += 1s) {
        service.model.run(200, 1s, 0s);
        limit.push_back(service.model.limit());
      }
    };
    run(at);
    service.open(4);
    run(back - at);
    service.open(20);
    run(end - back);
    service.model.run_for(10s);
  }
  std::int64_t limit_at(Duration when) const {
    return limit[static_cast<std::size_t>(when / 1s) - 1];
  }
  void write(const std::string& name) const {
    const char* file = std::getenv("CALLERAPI_SERIES");
    if (file == nullptr) return;
    std::ofstream out(file, std::ios::app);
    for (int second = 0; second < end / 1s; ++second)
      out << name << "," << second << "," << service.seen(second * 1s, (second + 1) * 1s).median_ms
          << "\n";
  }

  Counter service;
  std::vector<std::int64_t> limit;  ///< At the end of each second.
};

TEST(Adaptive, ComesDownWithTheCapacityOfTheServiceAndUpAgain) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Drop drop(policy::Adaptive::gradient2, seed);
    EXPECT_EQ(drop.limit_at(Drop::at), 256);
    EXPECT_LT(drop.limit_at(Drop::at + 10s), 20);
    EXPECT_LT(drop.limit_at(Drop::back), 20);
    EXPECT_GT(drop.limit_at(Drop::end), 20);

    const auto bad = drop.service.seen(Drop::at + 10s, Drop::back);
    EXPECT_LT(bad.median_ms, 300);
    EXPECT_GT(bad.good, 0.9 * 80 * 20) << "the service is never idle";
    const auto after = drop.service.seen(Drop::back + 5s, Drop::end);
    EXPECT_EQ(after.good, after.all);
    EXPECT_LT(after.median_ms, 60);
  }
}

TEST(Adaptive, ALimitThatDoesNotAdaptLeavesTheQueueAtTheService) {
  const Drop fixed(policy::Adaptive::off), adaptive(policy::Adaptive::gradient2);
  fixed.write("limits.inflight = 256");
  adaptive.write("and limits.adaptive");
  const auto one = fixed.service.seen(Drop::at + 10s, Drop::back);
  const auto other = adaptive.service.seen(Drop::at + 10s, Drop::back);
  std::printf("median %.0f ms and %.0f ms adaptive; %d and %d answers; %lld in flight at last\n",
              one.median_ms, other.median_ms, one.good, other.good,
              static_cast<long long>(adaptive.limit_at(Drop::back)));
  EXPECT_GT(one.median_ms, 2000) << "the model has no queue: it proves nothing";
  EXPECT_LT(other.median_ms, one.median_ms / 8);
  EXPECT_GT(other.good, 0.9 * one.good);
}

TEST(Adaptive, AHealthyServiceIsCalledAsWithoutIt) {
  for (const double rate : {20.0, 200.0, 350.0}) {
    Counter plain(with(policy::Adaptive::off), 20), adaptive(with(policy::Adaptive::gradient2), 20);
    for (Counter* one : {&plain, &adaptive}) one->model.run(rate, 120s, 5s);
    const auto a = plain.seen(0s, 120s), b = adaptive.seen(0s, 120s);
    EXPECT_EQ(a.good, a.all);
    EXPECT_EQ(b.good, b.all);
    EXPECT_EQ(b.all, a.all);
    EXPECT_EQ(b.median_ms, a.median_ms);
    EXPECT_EQ(adaptive.model.limit(), 256);
  }
}

/// What is more than the service can do for minutes is refused all the time: the limit does not
/// creep up as the bad time becomes usual.
TEST(Adaptive, StaysDownInFiveMinutesOfTooMuch) {
  Counter service(with(policy::Adaptive::gradient2), 20);
  service.model.run(200, 60s, 0s);
  service.open(4);
  service.model.run(200, 300s, 5s);
  const auto last = service.seen(300s, 360s);
  std::printf("after five minutes: median %.0f ms, %lld in flight\n", last.median_ms,
              static_cast<long long>(service.model.limit()));
  EXPECT_LT(last.median_ms, 500);
  EXPECT_GT(last.good, 0.9 * 80 * 60);
}

}  // namespace
}  // namespace callerapi::simulation
