#include "callerapi/plugin.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#include "callerapi/json.hpp"

namespace sample {

using namespace callerapi::dsl;

struct Note {
  std::string title;
};
CALLERAPI_JSON(Note, title)

struct Plain {
  static constexpr std::string_view id = "plain", version = "1.2.3", owner = "team";
  using api = endpoints<get<"health", "/ready", none>, common,
                        post<"add", "/n/{id}", Note, none, path<"id">, opt<"limit", int>,
                             idempotency_key, policy<"timeouts.total", "5s">>,
                        del<"drop", "/n/{id}", Note, none, path<"id">, not_idempotent>>;
};

/// Throws whatever the host's configuration asks for.
struct Hooked {
  static constexpr std::string_view id = "hooked", version = "1.0.0", owner = "team";
  using api = endpoints<common>;
  explicit Hooked(callerapi::HostView host) {
    if (!host.config("token")) throw std::runtime_error("no token configured");
  }
  void sign(callerapi::SignRequest&) { throw 7; }
  std::string map_error(callerapi::HookedResponse& response) {
    return response.status() == 409 ? std::string(1000, 'x') : "";
  }
};

}  // namespace sample

namespace callerapi {
namespace {

std::string_view view(capi_str text) { return {text.ptr, text.len}; }

/// A host that knows one key, and answers with one status.
struct FakeHost {
  capi_host table{};
  bool has_token = true;
  int status = 200;
  FakeHost() {
    table.size = sizeof table;
    table.ctx = this;
    table.config_get = [](void* ctx, capi_str, capi_str* out) -> capi_status {
      *out = dsl::str("secret");
      return static_cast<FakeHost*>(ctx)->has_token ? 0 : -1;
    };
    table.response_status = [](const capi_response* r) -> std::int32_t {
      return reinterpret_cast<const FakeHost*>(r)->status;
    };
  }
  const capi_response* response() const { return reinterpret_cast<const capi_response*>(this); }
};

TEST(Plugin, AContractBecomesTablesWithoutCode) {
  constexpr const capi_plugin& plugin = static_plugin<sample::Plain>;

  EXPECT_EQ(view(plugin.id), "plain");
  EXPECT_EQ(view(plugin.version), "1.2.3");
  EXPECT_EQ(plugin.hooks, nullptr);
  EXPECT_EQ(plugin.create, nullptr);
  ASSERT_EQ(plugin.n_endpoints, 4u);
  const capi_endpoint& add = plugin.endpoints[2];
  EXPECT_EQ(view(add.name), "add");
  EXPECT_EQ(view(add.method), "POST");
  EXPECT_EQ(add.request_body, CAPI_BODY_JSON);
  EXPECT_EQ(add.response_body, CAPI_BODY_NONE);
  EXPECT_EQ(add.idempotency, CAPI_IDEMPOTENCY_KEY);
  ASSERT_EQ(add.n_params, 2u);
  EXPECT_EQ(add.params[0].place, CAPI_PATH);
  EXPECT_EQ(add.params[1].type, CAPI_INTEGER);
  EXPECT_EQ(add.params[1].required, 0);
  ASSERT_EQ(add.n_policy, 1u);
  EXPECT_EQ(view(add.policy[0].key), "timeouts.total");
  EXPECT_EQ(plugin.endpoints[3].request_body, CAPI_BODY_JSON);
  EXPECT_EQ(plugin.endpoints[3].idempotency, CAPI_NOT_IDEMPOTENT);
}

TEST(Plugin, AnEndpointOfTheSameNameReplacesACommonOne) {
  constexpr const capi_plugin& plugin = static_plugin<sample::Plain>;

  EXPECT_EQ(view(plugin.endpoints[0].path), "/ready");
  EXPECT_EQ(view(plugin.endpoints[1].name), "version");
}

TEST(Plugin, TheSchemaHashChangesWithEveryPartOfTheShape) {
  using dsl::get, dsl::path, dsl::query, dsl::opt, dsl::none, dsl::bytes;
  const std::uint64_t base = get<"a", "/x", bytes, query<"q">>::schema_hash;

  EXPECT_EQ(base, (get<"other", "/x", bytes, query<"q">>::schema_hash));
  EXPECT_NE(base, (get<"a", "/y", bytes, query<"q">>::schema_hash));
  EXPECT_NE(base, (get<"a", "/x", none, query<"q">>::schema_hash));
  EXPECT_NE(base, (get<"a", "/x", bytes, opt<"q">>::schema_hash));
  EXPECT_NE(base, (get<"a", "/x", bytes, query<"q", int>>::schema_hash));
  EXPECT_NE(base, (get<"a", "/x", bytes, query<"r">>::schema_hash));
}

TEST(Plugin, AConstructorThatThrowsIsAFailureWithItsText) {
  FakeHost host;
  host.has_token = false;
  void* self = nullptr;
  capi_error_out out{};

  EXPECT_LT(static_plugin<sample::Hooked>.create(&host.table, &self, &out), 0);
  EXPECT_STREQ(out.msg, "no token configured");
  EXPECT_EQ(self, nullptr);
}

TEST(Plugin, NothingAHookThrowsCrossesTheBorder) {
  FakeHost host;
  constexpr const capi_plugin& plugin = static_plugin<sample::Hooked>;
  void* self = nullptr;
  capi_error_out out{};
  ASSERT_EQ(plugin.create(&host.table, &self, &out), 0);

  EXPECT_LT(plugin.hooks->sign(self, nullptr, &out), 0);
  EXPECT_STREQ(out.msg, "an exception that is no std::exception");
  plugin.destroy(self);
}

TEST(Plugin, AHostTooOldToListHeadersIsNamedInsteadOfSigningLess) {
  FakeHost host;
  host.table.size = offsetof(capi_host, request_header_at);
  const SignRequest request(&host.table, nullptr);

  try {
    request.each_header([](std::string_view, std::string_view) {});
    ADD_FAILURE() << "it listed headers";
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "the host cannot list the headers of a request; update it");
  }
}

TEST(Plugin, OnlyTheHooksThatAreWrittenAreDeclaredAndLongTextsAreCut) {
  FakeHost host;
  constexpr const capi_plugin& plugin = static_plugin<sample::Hooked>;
  void* self = nullptr;
  capi_error_out out{};
  ASSERT_EQ(plugin.create(&host.table, &self, &out), 0);
  EXPECT_EQ(plugin.hooks->on_request, nullptr);
  EXPECT_EQ(plugin.hooks->on_response, nullptr);

  EXPECT_EQ(plugin.hooks->map_error(self, host.response(), &out), 0);
  host.status = 409;
  EXPECT_LT(plugin.hooks->map_error(self, host.response(), &out), 0);
  EXPECT_EQ(std::string(out.msg), std::string(sizeof out.msg - 1, 'x'));
  plugin.destroy(self);
}

}  // namespace
}  // namespace callerapi
