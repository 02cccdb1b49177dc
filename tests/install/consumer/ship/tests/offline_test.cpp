// The program's dealings with parcels, tested without a network: attempts are answered from a
// script.
#include <callerapi/client.hpp>
#include <callerapi/testing.hpp>
#include <cstdio>
#include <memory>

#include "parcels.hpp"

using callerapi::testing::json_response;
using callerapi::testing::ScriptedTransport;

int main() {
  auto service = std::make_shared<ScriptedTransport>();
  service->on("parcels", "track", json_response(R"({"id":"7","to":"Bremen","grams":1200})"));
  service->once("parcels", "send", json_response(R"({"title":"too heavy"})", 422));

  callerapi::Options options;
  options.transport = service;
  options.static_plugins = {&callerapi::static_plugin<parcels::Parcels>};
  auto caller = callerapi::Caller::from_toml(
                    "schema = 1\n[services.parcels]\nplugin = \"static:parcels\"\n"
                    "base_url = \"http://parcels.test\"\n",
                    std::move(options))
                    .value();
  callerapi::Client<parcels::Parcels> client(caller);

  const auto tracked = client.call<"track">("7");
  const auto refused = client.call<"send">(parcels::Parcel{"", "Bremen", 99000});

  const bool right = tracked && tracked->grams == 1200 && !refused &&
                     refused.error().status == 422 && service->requests().size() == 2 &&
                     service->unexpected().empty();
  std::printf(right ? "answered offline\n" : "not what was scripted\n");
  return right ? 0 : 1;
}
