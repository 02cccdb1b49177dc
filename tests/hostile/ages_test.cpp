// Plugins and hosts of different ages: each reads what both know of.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "callerapi/plugin.hpp"
#include "stage.hpp"

namespace callerapi::hostile {
namespace {

struct Age {
  const char* plugin;
  const char* marks;
};
void PrintTo(const Age& one, std::ostream* out) { *out << one.plugin; }
class PluginOfAnyAge : public Stage, public ::testing::WithParamInterface<Age> {};

TEST_P(PluginOfAnyAge, RunsOnTodaysHost) {
  install("aged", built(std::string("aged_") + GetParam().plugin));
  registry(service("aged"));
  Caller caller = open(options()).value();

  EXPECT_EQ(call(caller, "aged"), GetParam().marks);
  const auto other = caller.call("aged", "other", Request{}.path("id", "1").query("limit", "3"));
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(server_.requests().back().target, "/other/1?limit=3") << "rows at their own stride";
  const auto settings = caller.explain("aged", "other").value();
  const auto total = std::find_if(settings.begin(), settings.end(),
                                  [](const auto& one) { return one.key == "timeouts.total"; });
  ASSERT_NE(total, settings.end());
  EXPECT_EQ(total->value, "7s");
}

INSTANTIATE_TEST_SUITE_P(, PluginOfAnyAge,
                         ::testing::Values(Age{"older", "older/-"}, Age{"frozen", "frozen/frozen"},
                                           Age{"newer", "newer/newer"}),
                         [](const auto& one) { return std::string(one.param.plugin); });

/// Uses all that a host of today offers.
struct Curious {
  static constexpr std::string_view id = "curious", version = "1.0.0", owner = "tests";
  using api = dsl::endpoints<dsl::common>;
  explicit Curious(HostView host) { host.log(1, host.config("key").value_or("no key")); }
  void sign(SignRequest& r) { r.header("X-Seen", std::string(r.method()) + std::string(r.body())); }
  std::string map_error(HookedResponse& response) {
    return std::to_string(response.status()) + ":" + std::string(response.body());
  }
};

/// A host whose table has `size` bytes and not one more.
class HostOfAnyAge : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  HostOfAnyAge() {
    capi_host table{};
    table.size = GetParam();
    table.config_get = [](void*, capi_str, capi_str*) -> capi_status { return -1; };
    table.log = [](void*, std::int32_t, capi_str) {};
    table.request_set_header = [](capi_request*, capi_str, capi_str) -> capi_status { return 0; };
    table.request_info = [](const capi_request*, std::uint32_t, capi_str*) { return -1; };
    table.request_body = [](const capi_request*, capi_str*) { return -1; };
    table.response_status = [](const capi_response*) { return 418; };
    table.response_body = [](const capi_response*, capi_str* out) {
      *out = dsl::str("teapot");
      return 0;
    };
    // As wide as a host of tomorrow, and filled with what must not be called.
    bytes_.resize(std::max<std::size_t>(GetParam(), sizeof table), '\x11');
    std::memcpy(bytes_.data(), &table, std::min<std::size_t>(GetParam(), sizeof table));
    bytes_.resize(GetParam());
    bytes_.shrink_to_fit();
  }
  const capi_host* host() const { return reinterpret_cast<const capi_host*>(bytes_.data()); }

  std::vector<char> bytes_;
};

TEST_P(HostOfAnyAge, RunsTodaysPlugin) {
  constexpr const capi_plugin& plugin = static_plugin<Curious>;
  void* self = nullptr;
  capi_error_out out{};
  ASSERT_EQ(plugin.create(host(), &self, &out), 0) << out.msg;

  const bool can_sign = GetParam() > offsetof(capi_host, request_set_header);
  EXPECT_EQ(plugin.hooks->sign(self, nullptr, &out), can_sign ? 0 : -1);
  EXPECT_STREQ(out.msg, can_sign ? "" : "the host refused header 'X-Seen'");
  ASSERT_EQ(plugin.hooks->map_error(self, nullptr, &out), -1);
  EXPECT_STREQ(out.msg, GetParam() <= offsetof(capi_host, response_status) ? "0:"
                        : GetParam() <= offsetof(capi_host, response_body) ? "418:"
                                                                           : "418:teapot");
  plugin.destroy(self);
}

INSTANTIATE_TEST_SUITE_P(, HostOfAnyAge,
                         ::testing::Values(offsetof(capi_host, get_extension),
                                           offsetof(capi_host, request_set_header),
                                           offsetof(capi_host, response_status),
                                           offsetof(capi_host, response_body), sizeof(capi_host),
                                           sizeof(capi_host) + 64));

}  // namespace
}  // namespace callerapi::hostile
