// contract = "caller": the header that a program was compiled with stands in for a plugin.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "callerapi/client.hpp"
#include "callerapi/plugin.hpp"
#include "support/scripted_server.hpp"

namespace parcels {

using namespace callerapi::dsl;

struct Parcel {
  std::string id;
};
CALLERAPI_JSON(Parcel, id)

/// Its code is declared and nowhere defined: whoever needs it does not link.
struct Parcels {
  static constexpr std::string_view id = "parcels", version = "1.2.0", owner = "team-post";
  using api =
      endpoints<get<"track", "/v1/parcels/{id}", Parcel, path<"id">>,
                post<"search", "/v1/search", Parcel, Parcel, policy<"timeouts.total", "5s">>>;
  explicit Parcels(callerapi::HostView host);
  void sign(callerapi::SignRequest& request);
};

/// As a program built with an older header knew it.
struct OlderParcels {
  static constexpr std::string_view id = "parcels", version = "0.9.0", owner = "team-post";
  using api = endpoints<get<"track", "/v0/parcels/{id}", Parcel, path<"id">>>;
};

/// What its team ships one day.
struct ShippedParcels {
  static constexpr std::string_view id = "parcels", version = "1.3.0", owner = "team-post";
  using api = Parcels::api;
};

struct Coded {
  static constexpr std::string_view id = "coded", version = "1.0.0", owner = "team-post";
  using api = OlderParcels::api;
  Coded() { throw std::runtime_error("made"); }
  void sign(callerapi::SignRequest&) {}
};

}  // namespace parcels

namespace callerapi {
namespace {

using support::ScriptedServer;
using support::SeenRequest;

support::Script parcel(const SeenRequest&) { return {.bytes = support::ok(R"({"id":"7"})")}; }

std::string registry(const ScriptedServer& server, const std::string& name,
                     const std::string& words, const std::string& more = "") {
  return "schema = 1\n[services." + name + "]\n" + words + "\nbase_url = \"" + server.url() +
         "\"\n" + more;
}

void write(const std::string& file, const std::string& text) {
  std::ofstream(file + ".new") << text;
  std::filesystem::rename(file + ".new", file);
}

Options with_contracts(std::vector<const capi_plugin*> contracts) {
  Options options;
  options.environment.emplace();
  options.contracts = std::move(contracts);
  options.watch = false;
  return options;
}

TEST(CallersContract, StandsInForAPluginWithNothingOfItsCode) {
  ScriptedServer server(parcel);
  auto caller = Caller::from_toml(registry(server, "parcels", "contract = \"caller\""),
                                  with_contracts({&contract<parcels::Parcels>}));
  ASSERT_TRUE(caller) << caller.error().message;
  Client<parcels::Parcels> client(*caller);

  const auto tracked = client.call<"track">("7");
  const auto by_name = caller->call("parcels", "track", Request{}.path("id", "8"));

  ASSERT_TRUE(tracked) << tracked.error().message;
  EXPECT_EQ(tracked->id, "7");
  ASSERT_TRUE(by_name) << by_name.error().message;
  EXPECT_EQ(server.requests().at(1).target, "/v1/parcels/8");
  const ServiceInfo seen = caller->services().at(0);
  EXPECT_EQ(seen.plugin + " " + seen.plugin_version + " " + seen.owner, "parcels 1.2.0 team-post");
  const auto settings = caller->explain("parcels", "search").value();
  EXPECT_EQ(settings.at(0).key + " " + settings.at(0).value, "timeouts.total 5s");
}

TEST(CallersContract, MayServeServicesOfOtherNames) {
  ScriptedServer server(parcel);
  auto caller = Caller::from_toml(registry(server, "parcels-eu", "contract = \"caller:parcels\""),
                                  with_contracts({&contract<parcels::Parcels>}));
  ASSERT_TRUE(caller) << caller.error().message;
  EXPECT_TRUE((Client<parcels::Parcels>(*caller, "parcels-eu").call<"track">("7")));
  const auto older = Client<parcels::OlderParcels>(*caller, "parcels-eu").call<"track">("7");
  EXPECT_EQ(older.error().outcome, Outcome::contract_mismatch);
}

TEST(CallersContract, ThatIsNotGivenIsRefusedWithTheOnesThatAre) {
  ScriptedServer server(parcel);
  const auto why = [&](std::vector<const capi_plugin*> contracts) {
    const auto caller = Caller::from_toml(registry(server, "parcel", "contract = \"caller\""),
                                          with_contracts(std::move(contracts)));
    return caller ? "opened" : caller.error().reason + ": " + caller.error().message;
  };
  const std::string text =
      "registry_missing_file: services.parcel: caller:parcel: no contract of that id in "
      "Options::contracts, where ";
  EXPECT_EQ(why({&contract<parcels::Parcels>}),
            text + "parcels is given; give it, or let the service name a plugin");
  EXPECT_EQ(why({}), text + "none is given; give it, or let the service name a plugin");
}

TEST(CallersContract, AToolThatHasNoneStillOpensTheRegistry) {
  ScriptedServer server(parcel);
  Options options = with_contracts({});
  options.contracts_optional = true;
  auto caller = Caller::from_toml(registry(server, "parcels", "contract = \"caller\"",
                                           "[services.parcels.endpoints.search.timeouts]\n"
                                           "total = \"9s\"\n"),
                                  std::move(options));
  ASSERT_TRUE(caller) << caller.error().message;

  EXPECT_EQ(caller->request("parcels", "GET", "/v1/parcels/9").value().status, 200);
  EXPECT_EQ(caller->call("parcels", "track").error().message,
            "parcels.track: no such endpoint; the contract of parcels is the program's own "
            "(contract = \"caller\"), and this one has it not");
}

TEST(CallersContract, IsReadForItsDeclarationsEvenWhereItBringsCode) {
  ScriptedServer server(parcel);
  auto caller = Caller::from_toml(registry(server, "coded", "contract = \"caller\""),
                                  with_contracts({&static_plugin<parcels::Coded>}));
  ASSERT_TRUE(caller) << caller.error().message;
  EXPECT_TRUE((Client<parcels::Coded>(*caller).call<"track">("7")));
}

TEST(CallersContract, GivesWayToAPluginWithoutLosingACall) {
  ScriptedServer server(parcel);
  Options options = with_contracts({&contract<parcels::Parcels>});
  options.static_plugins = {&static_plugin<parcels::ShippedParcels>};
  const std::string own = registry(server, "parcels", "contract = \"caller\"");
  const std::string shipped = registry(server, "parcels", "plugin = \"static:parcels\"");
  const std::string file = ::testing::TempDir() + "/callers_contract.toml";
  write(file, own);
  auto caller = Caller::open(file, std::move(options));
  ASSERT_TRUE(caller) << caller.error().message;
  Client<parcels::Parcels> client(*caller);
  for (const std::string& text : {shipped, own, shipped}) {
    EXPECT_TRUE(client.call<"track">("7"));
    write(file, text);
    const auto reloaded = caller->reload();
    ASSERT_TRUE(reloaded) << reloaded.error().message;
  }
  EXPECT_TRUE(client.call<"track">("7"));
  EXPECT_EQ(caller->services().at(0).plugin_version, "1.3.0");
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace callerapi
