#include "catalogue/contract.hpp"

#include <gtest/gtest.h>

#include <string>

namespace callerapi::catalogue {
namespace {

PluginTables running() {
  PluginTables tables{"billing", "1.0.0", "team", {}, {}};
  tables.endpoints.push_back(
      {{.name = "get",
        .method = "GET",
        .path = "/v1/{id}",
        .params = {{"id", policy::Place::path, policy::ParamType::text, true},
                   {"limit", policy::Place::query, policy::ParamType::integer, false}}},
       {}});
  return tables;
}

struct Change {
  const char* label;
  void (*change)(PluginTables&);
  const char* says;
};
void PrintTo(const Change& one, std::ostream* out) { *out << one.label; }
class ContractChange : public testing::TestWithParam<Change> {};

TEST_P(ContractChange, IsJudgedForItsCallers) {
  PluginTables next = running();
  GetParam().change(next);
  EXPECT_EQ(contract_break(running(), next), GetParam().says);
}

policy::Endpoint& first(PluginTables& t) { return t.endpoints[0].endpoint; }

INSTANTIATE_TEST_SUITE_P(
    , ContractChange,
    testing::Values(
        Change{"Nothing", [](PluginTables&) {}, ""},
        Change{"EndpointAdded",
               [](PluginTables& next) {
                 next.endpoints.push_back(next.endpoints[0]);
                 next.endpoints[1].endpoint.name = "put";
               },
               ""},
        Change{"OptionalParameterAdded",
               [](PluginTables& next) { first(next).params.push_back({"more"}); }, ""},
        Change{"RequiredBecomesOptional",
               [](PluginTables& next) { first(next).params[0].required = false; }, ""},
        Change{"EndpointGone", [](PluginTables& next) { next.endpoints.clear(); },
               "get: the endpoint is gone"},
        Change{"Method", [](PluginTables& next) { first(next).method = "POST"; },
               "get: method is POST, was GET"},
        Change{"Path", [](PluginTables& next) { first(next).path = "/v2/{id}"; },
               "get: path is /v2/{id}, was /v1/{id}"},
        Change{"RequestBody",
               [](PluginTables& next) { first(next).request_body = policy::BodyKind::json; },
               "get: request body is json, was none"},
        Change{"ResponseBody",
               [](PluginTables& next) { first(next).response_body = policy::BodyKind::json; },
               "get: response body is json, was bytes"},
        Change{"ParameterGone", [](PluginTables& next) { first(next).params.pop_back(); },
               "get: parameter 'limit' is gone or has another place or type"},
        Change{"ParameterType",
               [](PluginTables& next) { first(next).params[1].type = policy::ParamType::text; },
               "get: parameter 'limit' is gone or has another place or type"},
        Change{"OptionalBecomesRequired",
               [](PluginTables& next) { first(next).params[1].required = true; },
               "get: parameter 'limit' is now required"},
        Change{"RequiredParameterAdded",
               [](PluginTables& next) {
                 first(next).params.push_back(
                     {"more", policy::Place::query, policy::ParamType::text, true});
               },
               "get: parameter 'more' is now required"}),
    [](const auto& one) { return std::string(one.param.label); });

TEST(Version, IsComparedByNumber) {
  EXPECT_LT(compare_versions("2.9.0", "2.10.0"), 0);
  EXPECT_EQ(compare_versions("1.0", "1.0.0"), 0);
  EXPECT_EQ(compare_versions("1.0.0-rc1", "1.0.0+build"), 0);
  EXPECT_GT(compare_versions("10.0.0", "9.9.9"), 0);
  EXPECT_LT(compare_versions("nonsense", "0.0.1"), 0);
}

TEST(Version, AnnouncesABreakByItsMajorNumberOrTheMinorOfZero) {
  EXPECT_TRUE(announces_break("1.9.9", "2.0.0"));
  EXPECT_TRUE(announces_break("0.1.0", "0.2.0"));
  EXPECT_TRUE(announces_break("0.9.0", "1.0.0"));
  EXPECT_FALSE(announces_break("1.1.0", "1.2.0"));
  EXPECT_FALSE(announces_break("2.0.0", "1.0.0"));
}

}  // namespace
}  // namespace callerapi::catalogue
