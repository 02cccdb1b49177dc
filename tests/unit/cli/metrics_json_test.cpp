#include <gtest/gtest.h>

#include <string>

#include "callerapi/json.hpp"
#include "metrics.hpp"

namespace callerapi::cli {
namespace {

TEST(MetricsJson, FamiliesKeepTheirSamplesLabelsAndNumbers) {
  const std::string text =
      "# HELP a_total All of them.\n# TYPE a_total counter\na_total{x=\"1\",y=\"a\\\"b\\\\c\\nd, "
      "e}\"} 18446744073709551615\na_total 2\n"
      "# HELP b_seconds Time.\n# TYPE b_seconds histogram\nb_seconds_bucket{le=\"+Inf\"} 1\n"
      "b_seconds_sum 0.25\n";
  EXPECT_EQ(
      metrics_json(text),
      R"({"schema":"callerapi.metrics/1","families":[{"name":"a_total","help":"All of them.",)"
      R"("type":"counter","samples":[{"name":"a_total","labels":{"x":"1","y":"a\"b\\c\u000ad, e}"},)"
      R"("value":18446744073709551615},{"name":"a_total","labels":{},"value":2}]},)"
      R"({"name":"b_seconds","help":"Time.","type":"histogram","samples":[)"
      R"({"name":"b_seconds_bucket","labels":{"le":"+Inf"},"value":1},)"
      R"({"name":"b_seconds_sum","labels":{},"value":0.25}]}]})");
}

TEST(MetricsJson, NothingMeasuredIsAnObjectAllTheSame) {
  EXPECT_EQ(metrics_json(""), R"({"schema":"callerapi.metrics/1","families":[]})");
}

}  // namespace
}  // namespace callerapi::cli
