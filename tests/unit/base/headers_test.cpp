#include "callerapi/headers.hpp"

#include <gtest/gtest.h>

#include <string>

namespace callerapi {
namespace {

TEST(Headers, NamesCompareWithoutCase) {
  Headers headers;
  headers.add("Content-Type", "text/plain");

  EXPECT_EQ(headers.get("content-type"), "text/plain");
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "text/plain");
  EXPECT_FALSE(headers.contains("Content-Typ"));
}

TEST(Headers, OrderAndRepetitionAreKept) {
  Headers headers;
  headers.add("A", "1");
  headers.add("B", "2");
  headers.add("a", "3");

  std::string seen;
  for (auto [name, value] : headers) seen.append(name).append("=").append(value).append(" ");

  EXPECT_EQ(seen, "A=1 B=2 a=3 ");
}

TEST(Headers, TheLastFieldGoesOnBehindOneBlank) {
  Headers headers;
  headers.add("A", "1");
  headers.add("B", "");
  headers.extend_last("2");
  headers.extend_last("3");
  EXPECT_EQ(headers.get("B"), "2 3");

  headers.add("C", "4");
  headers.remove("C");
  headers.extend_last("5");
  EXPECT_EQ(headers.get("B"), "2 3 5") << "its text is not the last of the block";
  EXPECT_EQ(headers.get("A"), "1");
  EXPECT_EQ(headers.size(), 2u);
}

TEST(Headers, SetReplacesEveryFieldOfThatName) {
  Headers headers;
  headers.add("A", "1");
  headers.add("B", "2");
  headers.add("a", "3");

  headers.set("A", "4");

  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers.get("A"), "4");
  EXPECT_EQ(headers.get("B"), "2");
}

TEST(Headers, AFieldMayBeCopiedFromTheSameBlock) {
  Headers headers;
  headers.add("Name", "value");
  const auto [name, value] = headers[0];

  headers.add(name, value);

  EXPECT_EQ(headers[1].name, "Name");
  EXPECT_EQ(headers[1].value, "value");
}

TEST(Headers, AnyChangeMayBeMadeWithTextOfTheSameBlock) {
  Headers headers;
  headers.add("A", "1");
  headers.add("Name", "value");
  headers.add("B", "2");
  headers.add("Name", "other");

  headers.set(headers[1].name, headers[1].value);
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[2].name, "Name");
  EXPECT_EQ(headers[2].value, "value");

  EXPECT_EQ(headers.remove(headers[0].name), 1u);
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers[0].name, "B");
  EXPECT_EQ(headers[1].value, "value");

  headers.extend_last(headers[0].value);
  EXPECT_EQ(headers.get("Name"), "value 2");
  EXPECT_EQ(headers.bytes(), 13u) << "what was dropped leaves nothing behind";
}

TEST(Headers, WhatWasMovedFromIsEmpty) {
  Headers from;
  from.add("A", "1");
  Headers to = std::move(from);
  // NOLINTNEXTLINE(bugprone-use-after-move): the rule under test
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(from.begin(), from.end());
  from.add("B", "2");
  to = std::move(from);
  EXPECT_EQ(to.size(), 1u);
  EXPECT_EQ(to.get("B"), "2");
  // NOLINTNEXTLINE(bugprone-use-after-move)
  EXPECT_EQ(from.size(), 0u);
}

TEST(Headers, TruncateDropsTheLastFieldsAndTheirBytes) {
  Headers headers;
  headers.add("A", "1");
  headers.add("B", "22");
  const std::size_t bytes = headers.bytes();
  for (int round = 0; round < 3; ++round) {
    headers.add("C", "333");
    headers.truncate(2);
    EXPECT_EQ(headers.size(), 2u);
    EXPECT_EQ(headers.bytes(), bytes) << "rounds leave nothing behind";
    EXPECT_EQ(headers.get("b"), "22");
    EXPECT_FALSE(headers.contains("C"));
  }
  headers.truncate(7);
  EXPECT_EQ(headers.size(), 2u);
  headers.truncate(0);
  EXPECT_TRUE(headers.empty());
  EXPECT_EQ(headers.bytes(), 0u);
}

}  // namespace
}  // namespace callerapi
