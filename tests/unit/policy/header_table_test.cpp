#include "policy/header_table.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "callerapi/context.hpp"

namespace callerapi::policy {
namespace {

struct Sample {
  std::string value;
  std::function<bool(const Context&)> seen;
};

TEST(HeaderTable, EveryFieldOfAnInboundRequestChangesItsContext) {
  const auto bounded = [](const Context& c) { return c.deadline != no_deadline; };
  const std::map<std::string, Sample, std::less<>> samples = {
      {"Caller-Timeout-Ms", {"100", bounded}},
      {"grpc-timeout", {"100m", bounded}},
      {"x-envoy-expected-rq-timeout-ms", {"100", bounded}},
      {"Connect-Timeout-Ms", {"100", bounded}},
      {"Caller-Attempts-Left",
       {"3", [](const Context& c) { return c.allowance && c.allowance->left() == 3; }}},
      {"traceparent",
       {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        [](const Context& c) { return c.trace != nullptr; }}},
      {"tracestate", {"a=b", [](const Context& c) { return c.trace && c.trace->state == "a=b"; }}},
      {"baggage", {"user=7", [](const Context& c) { return c.baggage && *c.baggage == "user=7"; }}},
  };
  EXPECT_EQ(inbound_fields().size(), samples.size());
  for (const HeaderRow& row : inbound_fields()) {
    const auto sample = samples.find(row.name);
    ASSERT_NE(sample, samples.end()) << row.name;
    Headers inbound;
    inbound.add(row.name, sample->second.value);
    if (row.name == "tracestate") inbound.add("traceparent", samples.at("traceparent").value);
    const Context context =
        Context::from_headers(inbound, std::chrono::steady_clock::now(), {.baggage = {"user"}});
    EXPECT_TRUE(sample->second.seen(context)) << row.name;
  }
}

}  // namespace
}  // namespace callerapi::policy
