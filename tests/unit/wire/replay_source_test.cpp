#include "wire/replay_source.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

namespace callerapi::wire {
namespace {

/// Gives `text`, once unless `twice`; of a known length if `sized`.
class Once final : public BodySource {
 public:
  explicit Once(std::string text, bool sized = false, bool twice = false)
      : text_(std::move(text)), sized_(sized), twice_(twice) {}
  Result<std::size_t> read(std::span<char> into) override {
    ++reads;
    const std::size_t size = text_.copy(into.data(), into.size(), at_);
    at_ += size;
    return size;
  }
  std::optional<std::uint64_t> length() const override {
    return sized_ ? std::optional<std::uint64_t>(text_.size()) : std::nullopt;
  }
  bool rewind() override {
    ++rewinds;
    if (at_ > 0 && !twice_) return false;
    at_ = 0;
    return true;
  }

  int reads = 0, rewinds = 0;

 private:
  const std::string text_;
  const bool sized_, twice_;
  std::size_t at_ = 0;
};

std::string some(BodySource& source, std::size_t most, std::size_t step = 3) {
  std::string out, buffer(step, '\0');
  while (out.size() < most) {
    const std::size_t got = source.read({buffer.data(), std::min(step, most - out.size())}).value();
    if (got == 0) break;
    out.append(buffer, 0, got);
  }
  return out;
}

std::string all(BodySource& source, std::size_t step = 3) {
  return some(source, std::string::npos, step);
}

TEST(Replay, GivesTheSameBytesAgainAndAgain) {
  for (const bool sized : {false, true}) {
    ReplaySource source(std::make_shared<Once>("0123456789", sized), 10);
    EXPECT_EQ(source.length().has_value(), sized);
    for (const std::size_t step : {3u, 1u, 64u}) {
      EXPECT_EQ(all(source, step), "0123456789");
      EXPECT_EQ(all(source, step), "") << "the end stays the end";
      EXPECT_TRUE(source.rewind());
    }
  }
}

TEST(Replay, WhatWasCutOffGoesOnWhereItEnded) {
  ReplaySource source(std::make_shared<Once>("0123456789"), 10);
  EXPECT_EQ(some(source, 4), "0123");
  ASSERT_TRUE(source.rewind());
  EXPECT_EQ(some(source, 2), "01");
  ASSERT_TRUE(source.rewind());
  EXPECT_EQ(all(source), "0123456789");
}

TEST(Replay, AByteTooManyEndsItAndFreesWhatWasKept) {
  ReplaySource source(std::make_shared<Once>("0123456789"), 9);
  EXPECT_EQ(some(source, 9), "012345678");
  EXPECT_EQ(source.kept(), 9u);
  EXPECT_EQ(all(source), "9");
  EXPECT_EQ(source.kept(), 0u);
  EXPECT_FALSE(source.rewind());
}

TEST(Replay, OfADeclaredLengthThatIsTooLongNothingIsEverKept) {
  ReplaySource source(std::make_shared<Once>("0123456789", true), 9);
  EXPECT_TRUE(source.rewind()) << "nothing was read yet";
  EXPECT_EQ(some(source, 3), "012");
  EXPECT_EQ(source.kept(), 0u);
  EXPECT_FALSE(source.rewind());
}

TEST(Replay, ASourceThatCanRewindIsAskedOnlyWhereNotAllIsKept) {
  const auto inner = std::make_shared<Once>("0123456789", false, true);
  ReplaySource small(inner, 10);
  EXPECT_EQ(all(small), "0123456789");
  ASSERT_TRUE(small.rewind());
  EXPECT_EQ(inner->rewinds, 0);
  EXPECT_EQ(all(small), "0123456789");

  const auto longer = std::make_shared<Once>("0123456789", false, true);
  ReplaySource large(longer, 9);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(all(large), "0123456789");
    EXPECT_TRUE(large.rewind());
  }
  EXPECT_EQ(large.kept(), 0u);
}

TEST(Replay, ForgettingFreesWhatWasGivenAndNoByteThatWasNot) {
  ReplaySource source(std::make_shared<Once>("0123456789"), 10);
  EXPECT_EQ(some(source, 6), "012345");
  ASSERT_TRUE(source.rewind());
  EXPECT_EQ(some(source, 2), "01");
  source.forget();
  EXPECT_EQ(all(source), "23456789");
  EXPECT_EQ(source.kept(), 0u);
  EXPECT_FALSE(source.rewind());
}

}  // namespace
}  // namespace callerapi::wire
