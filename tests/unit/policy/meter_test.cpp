#include "policy/meter.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "policy/retry.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

ResultCode code_of(int status) {
  Response response;
  response.status = status;
  return ResultCode::of({.response = &response});
}

ResultCode code_of(Outcome outcome) {
  const Error error{.outcome = outcome};
  return ResultCode::of({.error = &error});
}

TEST(Histogram, ADurationBelongsToTheFirstBucketItDoesNotExceed) {
  Histogram histogram;
  for (const Duration took : {Duration(-1ns), Duration(0ns), Duration(5ms), Duration(5ms + 1ns),
                              Duration(10s), Duration(10s + 1ns), Duration(24h)})
    histogram.record(took);

  base::Distribution all;
  histogram.add_to(all);
  EXPECT_EQ(all.buckets.front(), 3u) << "a clock that stepped back counts as no time";
  EXPECT_EQ(all.buckets[1], 1u);
  EXPECT_EQ(all.buckets[13], 1u);
  EXPECT_EQ(all.buckets.back(), 2u);
  EXPECT_EQ(all.count(), 7u);
  EXPECT_EQ(all.sum, static_cast<std::uint64_t>(Duration(24h + 20s + 10ms + 2ns).count()));
}

TEST(Histogram, ThreadsLoseNothingAndGroupsAddUp) {
  EndpointMeter meter("get", "GET", "/x");
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 8; ++i)
    threads.emplace_back([&meter, i] {
      for (int n = 0; n < 1000; ++n) {
        meter.attempt(i, code_of(200), 7ms);
        meter.call(i, true, 7ms);
      }
    });
  for (auto& thread : threads) thread.join();

  ASSERT_EQ(meter.series().size(), 1u);
  EXPECT_EQ(sum(meter.series()[0]->took).count(), 8000u);
  EXPECT_EQ(sum(meter.series()[0]->took).buckets[1], 8000u);
  EXPECT_EQ(sum(*meter.calls(true)).count(), 8000u);
  EXPECT_EQ(meter.calls(false), nullptr) << "what nobody needs is not made";
}

TEST(Histogram, GroupsOfThreadsShareNoCacheLine) {
  Sharded<Counter> counters;
  const auto* first = reinterpret_cast<const char*>(&counters.of(0));
  const auto* second = reinterpret_cast<const char*>(&counters.of(1));
  EXPECT_GE(second - first, 64);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0u);
}

TEST(ResultCode, IsAStatusOrAWordOfTheTableOfOutcomes) {
  EXPECT_EQ(code_of(204).status(), 204);
  EXPECT_EQ(code_of(204).error_type(), "");
  EXPECT_EQ(code_of(404).error_type(), "404");
  EXPECT_EQ(code_of(999).error_type(), "999");
  EXPECT_EQ(code_of(Outcome::connect_error).status(), 0);
  EXPECT_EQ(code_of(Outcome::connect_error).error_type(), "connect_error");
}

TEST(Meter, APeerThatAnswersWithEveryStatusMakesTwelveSeries) {
  EndpointMeter meter("get", "GET", "/x");
  for (int status = 200; status < 1000; ++status) meter.attempt(0, code_of(status), 1ms);

  const auto series = meter.series();
  ASSERT_EQ(series.size(), 12u);
  EXPECT_EQ(series.back()->code.error_type(), "_OTHER");
  EXPECT_EQ(sum(series.back()->took).count(), 800u - 11u);
}

TEST(Meter, AReasonNobodyListedCountsAsOther) {
  EndpointMeter meter("get", "GET", "/x");
  meter.stopped("no_time");
  meter.stopped("whatever");
  for (std::size_t i = 0; i < stop_reasons.size(); ++i) {
    const bool seen = stop_reasons[i] == "no_time" || stop_reasons[i] == "other";
    EXPECT_EQ(meter.stops(i), seen ? 1u : 0u) << stop_reasons[i];
  }
}

/// The stack of g++ 12 under ASan is not aligned to a cache line, whatever a type asks for.
std::unique_ptr<ServiceMeter> on_heap() { return std::make_unique<ServiceMeter>(); }

TEST(Meter, AnEndpointKeepsItsMeterUntilItsPathChanges) {
  const auto held = on_heap();
  ServiceMeter& service = *held;
  const auto meter = service.endpoint("get", "GET", "/x");
  EXPECT_EQ(service.endpoint("get", "GET", "/x"), meter);
  EXPECT_NE(service.endpoint("get", "GET", "/y"), meter);
  EXPECT_EQ(service.endpoints().size(), 2u);
}

TEST(Meter, CallsInFlightAreThoseBegunAndNotEnded) {
  const auto held = on_heap();
  ServiceMeter& service = *held;
  service.began(1);
  service.began(2);
  EXPECT_EQ(service.in_flight(), 2u);
  service.ended(0, {.write = 1ms, .wait = 20ms}, 0ns);
  EXPECT_EQ(service.in_flight(), 1u);
  EXPECT_EQ(sum(*service.part(4)).count(), 1u);
  EXPECT_EQ(sum(*service.part(5)).buckets[2], 1u);
  EXPECT_EQ(service.part(0), nullptr) << "no call has queued";
}

}  // namespace
}  // namespace callerapi::policy
