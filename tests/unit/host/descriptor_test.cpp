#include "host/descriptor.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "support/static_plugin.hpp"

namespace callerapi::host {
namespace {

TEST(Descriptor, TheCopyOutlivesThePlugin) {
  std::string name = "get";
  capi_plugin plugin = *support::echo_plugin();
  capi_endpoint endpoint = plugin.endpoints[0];
  endpoint.name = {name.data(), name.size()};
  plugin.endpoints = &endpoint;
  plugin.n_endpoints = 1;

  const auto tables = copy_tables(plugin, "x").value();
  name.assign("???");

  EXPECT_EQ(tables.endpoints.at(0).endpoint.name, "get");
  EXPECT_EQ(tables.endpoints.at(0).endpoint.params.at(0).name, "id");
}

TEST(Descriptor, RowsFromALongerFutureHeaderLineUp) {
  struct Wider {
    capi_endpoint known;
    std::uint64_t unknown;
  };
  capi_plugin plugin = *support::echo_plugin();
  std::vector<Wider> rows;
  for (std::uint32_t i = 0; i < plugin.n_endpoints; ++i)
    rows.push_back({plugin.endpoints[i], ~0ull});
  plugin.endpoints = &rows[0].known;
  plugin.endpoint_stride = sizeof(Wider);

  const auto tables = copy_tables(plugin, "x").value();

  ASSERT_EQ(tables.endpoints.size(), 4u);
  EXPECT_EQ(tables.endpoints[3].endpoint.path, "/keyed");
}

struct Bad {
  const char* label;
  void (*spoil)(capi_plugin&, capi_endpoint&);
  const char* message;
};

class DescriptorRefuses : public testing::TestWithParam<Bad> {};

TEST_P(DescriptorRefuses, AndSaysWhatIsWrong) {
  capi_plugin plugin = *support::echo_plugin();
  capi_endpoint rows[] = {plugin.endpoints[0], plugin.endpoints[1]};
  plugin.endpoints = rows;
  plugin.n_endpoints = 2;
  GetParam().spoil(plugin, rows[1]);

  const auto tables = copy_tables(plugin, "echo.capi.so");

  ASSERT_FALSE(tables);
  EXPECT_EQ(tables.error().outcome, Outcome::plugin_rejected);
  EXPECT_EQ(tables.error().message, std::string("echo.capi.so: ") + GetParam().message);
}

constexpr capi_str str(const char* text) { return {text, std::char_traits<char>::length(text)}; }

INSTANTIATE_TEST_SUITE_P(
    , DescriptorRefuses,
    testing::Values(
        Bad{"OtherAbi", [](capi_plugin& p, capi_endpoint&) { p.abi_major = 2; },
            "built for ABI 2, this host speaks 0; rebuild the plugin"},
        Bad{"TooManyEndpoints", [](capi_plugin& p, capi_endpoint&) { p.n_endpoints = 1u << 20; },
            "endpoints: 1048576 rows of 96 bytes; at most 1024 rows of 96 to 4096"},
        Bad{"CountsWithoutRows", [](capi_plugin& p, capi_endpoint&) { p.endpoints = nullptr; },
            "endpoints: 2 rows of 96 bytes; at most 1024 rows of 96 to 4096"},
        Bad{"SameNameTwice", [](capi_plugin&, capi_endpoint& e) { e.name = str("get"); },
            "two endpoints are named 'get'"},
        Bad{"RelativePath", [](capi_plugin&, capi_endpoint& e) { e.path = str("echo/{id}"); },
            "endpoint #1 'put' needs a path that starts with '/'"},
        Bad{"HoleWithoutParameter",
            [](capi_plugin&, capi_endpoint& e) { e.path = str("/echo/{id}/{part}"); },
            "endpoint #1 'put' has no parameter for '{part}' of its path"},
        Bad{"ParameterWithoutHole", [](capi_plugin&, capi_endpoint& e) { e.path = str("/echo"); },
            "endpoint #1 'put' has no '{id}' in its path for the parameter of that name"},
        Bad{"LocationInAPath",
            [](capi_plugin&, capi_endpoint& e) {
              static constexpr capi_param id{sizeof(capi_param), CAPI_LOCATION, CAPI_TEXT, 1, 0,
                                             {"id", 2}};
              e.params = &id;
            },
            "endpoint #1 'put' has the location 'id', so its path is '{id}' alone, and it is "
            "required"},
        Bad{"MethodWithSpace", [](capi_plugin&, capi_endpoint& e) { e.method = str("GET /x"); },
            "endpoint #1 'put' has the method 'GET /x', which is no HTTP token"},
        Bad{"BodyFromTheFuture", [](capi_plugin&, capi_endpoint& e) { e.request_body = 99; },
            "endpoint #1 'put' uses a body kind or idempotency this host does not know; update the "
            "host"},
        Bad{"LineBreakInAName", [](capi_plugin&, capi_endpoint& e) { e.name = str("a\nb"); },
            "endpoint #1 name holds a control byte"}),
    [](const auto& bad) { return std::string(bad.param.label); });

}  // namespace
}  // namespace callerapi::host
