#include "catalogue/publication.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace callerapi::catalogue {
namespace {

/// Says on which thread it went.
struct Value {
  std::optional<std::thread::id>& gone;
  explicit Value(std::optional<std::thread::id>& out) : gone(out) {}
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  ~Value() { gone = std::this_thread::get_id(); }
};

TEST(Publication, AThreadThatReadsNeverDestroysWhatWasReplaced) {
  std::optional<std::thread::id> first, second;
  Publication<Value> published(std::make_shared<Value>(first));
  std::promise<void> replaced, read, ended;
  std::promise<void> has;
  std::thread reader([&] {
    EXPECT_EQ(&published.read()->gone, &first);
    has.set_value();
    replaced.get_future().wait();
    EXPECT_EQ(&published.read()->gone, &second);
    read.set_value();
    ended.get_future().wait();
  });
  has.get_future().wait();
  published.publish(std::make_shared<Value>(second));
  EXPECT_EQ(published.reap(), 1u) << "a thread still has a copy";
  EXPECT_FALSE(first);

  replaced.set_value();
  read.get_future().wait();
  EXPECT_FALSE(first) << "the reader only let go of it";
  EXPECT_TRUE(published.has_replaced());
  EXPECT_EQ(published.reap(), 0u);
  EXPECT_EQ(first, std::this_thread::get_id());
  EXPECT_FALSE(published.has_replaced());
  EXPECT_FALSE(second);
  ended.set_value();
  reader.join();
}

TEST(Publication, WhatWasLetGoOfEndsWithTheLastCopyOfIt) {
  std::optional<std::thread::id> first, second;
  Publication<Value> published(std::make_shared<Value>(first));
  // A thread of its own: it takes its copy along when it ends.
  std::thread([&] {
    EXPECT_EQ(&published.read()->gone, &first);
    published.publish(std::make_shared<Value>(second));
    published.let_go();
    EXPECT_FALSE(published.has_replaced());
    EXPECT_FALSE(first);
    EXPECT_EQ(&published.read()->gone, &second);
    EXPECT_TRUE(first);
  }).join();
  EXPECT_FALSE(second) << "in force";
}

}  // namespace
}  // namespace callerapi::catalogue
