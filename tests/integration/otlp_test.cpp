// Spans as lines of OTLP JSON, and a file of them.
#include "callerapi/otlp.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <unistd.h>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "callerapi/json.hpp"

namespace callerapi {
namespace {

Span some_span() {
  return {.kind = SpanKind::client,
          .name = "GET /echo/{id}",
          .trace_id = "0af7651916cd43dd8448eb211c80319c",
          .span_id = "b7ad6b7169203331",
          .parent_id = "00f067aa0ba902b7",
          .trace_state = "vendor=1",
          .flags = 1,
          .began_ns = 1'700'000'000'000'000'001,
          .ended_ns = 1'700'000'000'000'000'002,
          .failed = true,
          .message = "a \"message\"",
          .attributes = {{"http.request.method", "GET"}, {"server.port", std::int64_t{8080}}}};
}

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string fresh_file(const char* name) {
  const auto path = std::filesystem::temp_directory_path() /
                    (std::string("callerapi-otlp-") + name + "-" + std::to_string(::getpid()));
  std::filesystem::remove(path);
  return path.string();
}

TEST(Otlp, ALineIsARequestForExportWithNumbersOf64BitsAsText) {
  EXPECT_EQ(otlp_line(some_span(), "shop"),
            R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":)"
            R"({"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"callerapi","version":)"
            R"("0.1.0"},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":)"
            R"("b7ad6b7169203331","traceState":"vendor=1","parentSpanId":"00f067aa0ba902b7",)"
            R"("flags":1,"name":"GET /echo/{id}","kind":3,)"
            R"("startTimeUnixNano":"1700000000000000001",)"
            R"("endTimeUnixNano":"1700000000000000002","attributes":[{"key":)"
            R"("http.request.method","value":{"stringValue":"GET"}},{"key":"server.port","value":)"
            R"({"intValue":"8080"}}],"status":{"code":2,"message":"a \"message\""}}]}]}]})");
}

TEST(Otlp, WhatASpanHasNotIsLeftOut) {
  Span root = some_span();
  root.kind = SpanKind::internal;
  root.parent_id = root.trace_state = root.message = "";
  root.failed = false;
  const std::string line = otlp_line(root, "shop");

  const auto document = json::Document::parse(line);
  ASSERT_TRUE(document);
  const json::View span =
      document->root().find("resourceSpans").at(0).find("scopeSpans").at(0).find("spans").at(0);
  EXPECT_EQ(span.find("kind").integer(), 1);
  EXPECT_FALSE(span.find("parentSpanId"));
  EXPECT_FALSE(span.find("traceState"));
  EXPECT_EQ(span.find("status").size(), 0u) << "unset: not said to be well, and not failed";
}

TEST(Otlp, AFileGetsOneLineForEachSpanWhoeverTellsIt) {
  const std::string path = fresh_file("threads");
  {
    auto sink = otlp_file(path, "shop");
    ASSERT_TRUE(sink) << sink.error().message;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([sink = *sink] {
        for (int i = 0; i < 250; ++i) sink(some_span());
      });
    for (auto& thread : threads) thread.join();
    (*otlp_file(path, "shop"))(some_span());
  }
  const auto lines = lines_of(path);
  EXPECT_EQ(lines.size(), 1001u) << "a second one appends";
  for (const auto& line : lines) ASSERT_EQ(line, otlp_line(some_span(), "shop"));
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0600u) << "it tells of a message, and who calls whom";
  std::filesystem::remove(path);
}

TEST(Otlp, AFileThatCannotBeOpenedIsNamed) {
  const auto sink = otlp_file("/nowhere/spans", "shop");
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().reason, "otlp_file");
  EXPECT_EQ(sink.error().message,
            "/nowhere/spans: spans cannot be written there: No such file or directory");
}

TEST(Otlp, ALineThatDoesNotFitIsThrownForTheCallerToCount) {
  const auto sink = otlp_file("/dev/full", "shop");
  ASSERT_TRUE(sink) << sink.error().message;
  EXPECT_THROW((*sink)(some_span()), std::system_error);
}

}  // namespace
}  // namespace callerapi
