// What a call does with the time it has, to the nanosecond: in virtual time, driven by the loop and
// by a thread of its own.
#include <gtest/gtest.h>

#include <charconv>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "callerapi/testing.hpp"
#include "policy/hedged_call.hpp"
#include "policy/sync_call.hpp"
#include "simulation/loop.hpp"
#include "simulation/parts.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;
using testing::SeenRequest;

/// Answers at once in virtual time, unless `work` moves it.
class Script final : public testing::Transport {
 public:
  explicit Script(std::function<Response(const SeenRequest&)> work) : work_(std::move(work)) {}
  Result<Response> answer(const SeenRequest& request) override { return work_(request); }

 private:
  const std::function<Response(const SeenRequest&)> work_;
};

/// One service in virtual time, and calls of it by either driver.
class Service {
 public:
  explicit Service(std::function<Response(const SeenRequest&)> work)
      : script_(std::make_shared<Script>(std::move(work))) {
    pool::Settings pool;
    pool.host = "10.0.0.1";
    const auto one = std::make_shared<policy::Instance>();
    one->name = pool.host;
    one->origin = std::make_shared<pool::Origin>(pool, loop, std::make_shared<pool::Family>());
    one->health = std::make_shared<policy::InstanceHealth>(loop.now());
    instances_ =
        std::make_shared<policy::InstanceSet>(std::vector<std::shared_ptr<policy::Instance>>{one});
  }

  Result<Response> by_thread(Request request) {
    return run_here(parts(std::move(request)), nullptr);
  }
  Result<Response> by_loop(Request request) {
    std::optional<Result<Response>> result;
    const auto call = policy::make_loop_call(
        parts(std::move(request)), [&](Result<Response> r) { result = std::move(r); },
        [](policy::LoopCall&) {});
    call->begin();
    // Up to the end and no further, so that now() is when it ended.
    for (const TimePoint end = loop.now() + 1min; !result && loop.now() < end;)
      loop.run_until(loop.now() + 10us);
    return std::move(result).value();
  }

  SimLoop loop{1};
  policy::Settings settings;

 private:
  policy::CallPartsPtr parts(Request request) {
    const policy::ServiceView view{"s", "http", "s", "", "sim", ""};
    auto parts = parts_of({loop, counters_}, view, node_of(instances_, state_, settings), "GET",
                          "/", std::move(request))
                     .value();
    parts->transport = script_;
    return parts;
  }

  const std::shared_ptr<Script> script_;
  // On the heap: AddressSanitizer's stack does not align to a cache line.
  const std::unique_ptr<policy::CallCounters> held_ = std::make_unique<policy::CallCounters>();
  policy::CallCounters& counters_ = *held_;
  std::shared_ptr<const policy::InstanceSet> instances_;
  const std::shared_ptr<policy::ServiceState> state_ = std::make_shared<policy::ServiceState>();
};

using Driver = Result<Response> (Service::*)(Request);
constexpr Driver drivers[] = {&Service::by_loop, &Service::by_thread};

Response busy(std::string_view retry_after = "") {
  Response response;
  response.status = 503;
  if (!retry_after.empty()) response.headers.add("Retry-After", retry_after);
  return response;
}

std::int64_t sent_ms(const SeenRequest& request) {
  const std::string text(request.headers.get("Caller-Timeout-Ms").value_or("none"));
  std::int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

TEST(S19, N4_ARetryAfterBeyondTheDeadlineEndsTheCallAtOnce) {
  for (const Driver driver : drivers) {
    Service service([](const SeenRequest&) { return busy("20"); });
    const TimePoint began = service.loop.now();

    const auto answer = (service.*driver)(Request{}.timeout(5s).explain());

    EXPECT_LT(service.loop.now() - began, 1ms);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    ASSERT_EQ(answer->record->attempts.size(), 1u);
    EXPECT_EQ(answer->record->attempts[0].decision, "end");
    EXPECT_EQ(answer->record->attempts[0].stop_reason, "no_time");
  }
}

/// Five milliseconds are the least that an attempt is worth, and one that just fits is made.
TEST(S19, N4_WithFiveMillisecondsLeftThereIsNoTimeAndWithANanosecondMoreThereIs) {
  for (const Driver driver : drivers)
    for (const Duration left : {Duration(5ms), Duration(5ms + 1ns)}) {
      int seen = 0;
      Service service([&](const SeenRequest&) {
        ++seen;
        return busy();
      });
      service.settings.retry.base = service.settings.retry.cap = 0ns;  // no pause

      ASSERT_TRUE((service.*driver)(Request{}.timeout(left)));

      EXPECT_EQ(seen, left > 5ms ? 2 : 1);
    }
}

TEST(S19, N5_TheTimeoutSentShrinksWithEachAttemptAndNeverExceedsWhatIsLeft) {
  for (const Driver driver : drivers) {
    std::vector<std::int64_t> sent;
    Service* running = nullptr;
    TimePoint until{};
    const bool pauses = driver == &Service::by_loop;
    Service service([&](const SeenRequest& request) {
      const auto left =
          std::chrono::floor<std::chrono::milliseconds>(until - running->loop.now()).count();
      EXPECT_EQ(sent_ms(request), left);
      sent.push_back(sent_ms(request));
      // Between attempts of the loop's it is the pause that takes time.
      if (!pauses) running->loop.run_until(running->loop.now() + 70'500us);
      return busy();
    });
    running = &service;
    service.settings.retry.max_attempts = 4;
    service.settings.retry.base = service.settings.retry.cap = pauses ? Duration(1s) : 0ns;
    Context context;
    context.deadline = until = service.loop.now() + 5s;

    ASSERT_TRUE((service.*driver)(Request{}.context(context)));

    ASSERT_EQ(sent.size(), 4u);
    EXPECT_EQ(sent[0], 5000);
    for (std::size_t i = 1; i < sent.size(); ++i) EXPECT_LT(sent[i], sent[i - 1]);
  }
}

TEST(S19, N5_WithoutAContextTheTimeoutSentIsTheSmallerOfTotalAndAttempt) {
  for (const Driver driver : drivers) {
    std::vector<std::int64_t> sent;
    Service service([&](const SeenRequest& request) {
      sent.push_back(sent_ms(request));
      return Response{.status = 200};
    });
    service.settings.timeouts.total = 20s;
    service.settings.timeouts.attempt = 3s;

    ASSERT_TRUE((service.*driver)(Request{}));
    ASSERT_TRUE((service.*driver)(Request{}.timeout(2s)));
    ASSERT_TRUE((service.*driver)(Request{}.timeout(1'999'999ns)));
    ASSERT_TRUE((service.*driver)(Request{}.timeout(500us)));

    EXPECT_EQ(sent, (std::vector<std::int64_t>{3000, 2000, 1, 1})) << "rounded down, 1 at least";
  }
}

}  // namespace
}  // namespace callerapi::simulation
