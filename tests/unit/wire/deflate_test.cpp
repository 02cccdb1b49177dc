#include "wire/deflate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "wire/inflate.hpp"

namespace callerapi::wire {
namespace {

std::string decoded(std::string_view body) {
  Headers headers;
  headers.add("Content-Encoding", "gzip");
  BodyDecoder decoder;
  std::string out;
  if (!decoder.start(headers)) return "?";
  decoder.give(body);
  while (decoder.next() == BodyDecoder::Event::piece) out.append(decoder.piece());
  return decoder.finish() ? out : "?";
}

std::string all_of(BodySource& source, std::size_t step) {
  std::string out, buffer(step, '\0');
  for (;;) {
    const auto got = source.read(buffer);
    if (!got) return got.error().message;
    if (*got == 0) return out;
    out.append(buffer, 0, *got);
  }
}

/// Gives `text` in pieces, and `declared` for its length.
class TextSource final : public BodySource {
 public:
  TextSource(std::string text, std::size_t declared)
      : text_(std::move(text)), declared_(declared) {}
  Result<std::size_t> read(std::span<char> into) override {
    const std::size_t size = std::min({into.size(), text_.size() - at_, std::size_t{1000}});
    std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(at_), size, into.begin());
    at_ += size;
    return size;
  }
  std::optional<std::uint64_t> length() const override { return declared_; }
  bool rewind() override {
    at_ = 0;
    return true;
  }

 private:
  const std::string text_;
  const std::size_t declared_;
  std::size_t at_ = 0;
};

std::string numbers() {
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += std::to_string(i * 7919 % 10007) + ",";
  return text;
}

TEST(Gzip, TheSameTextGivesTheSameBytesAndComesBack) {
  const std::string text = numbers();
  EXPECT_EQ(gzip(text), gzip(text));
  EXPECT_LT(gzip(text).size(), text.size());
  EXPECT_EQ(decoded(gzip(text)), text);
  EXPECT_EQ(decoded(gzip("")), "");
}

TEST(Gzip, ASourceIsCodedAsItIsReadAndAgainAfterRewinding) {
  const std::string text = numbers();
  auto source = make_gzip(std::make_unique<TextSource>(text, text.size()));
  const std::string once = all_of(*source, 4096);

  EXPECT_EQ(decoded(once), text);
  EXPECT_EQ(source->length(), std::nullopt);
  for (const std::size_t step : {7u, 4096u, 1u << 20}) {
    ASSERT_TRUE(source->rewind());
    EXPECT_TRUE(decoded(all_of(*source, step)) == text) << "read in steps of " << step;
  }
  ASSERT_TRUE(source->rewind());
  EXPECT_TRUE(all_of(*source, 4096) == once);
}

TEST(Gzip, EachReadAsksItsSourceOnceHoweverWellThatCompresses) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{64} << 10}) {
    int asked = 0;
    auto source = make_gzip(Body::generated([&](std::span<char> into) -> Result<std::size_t> {
                              ++asked;
                              std::fill_n(into.begin(), size, 'x');
                              return size;
                            }).take_source());
    std::string buffer(256u << 10, '\0');
    for (int reads = 1; reads <= 100; ++reads) {
      ASSERT_GT(source->read(buffer).value(), 0u);
      ASSERT_EQ(asked, reads);
    }
  }
}

TEST(Gzip, SmallPiecesCostLittleOfWhatCompressionSaves) {
  const std::string text = numbers();
  const auto source = make_gzip(std::make_unique<TextSource>(text, text.size()));
  EXPECT_LT(all_of(*source, 256u << 10).size(), gzip(text).size() * 5 / 4);
}

TEST(Gzip, ASourceThatBreaksItsLengthIsNotHiddenByTheCoding) {
  EXPECT_EQ(all_of(*make_gzip(std::make_unique<TextSource>("hello", 7)), 4096),
            "its source gives 5 of 7 bytes");
  EXPECT_EQ(all_of(*make_gzip(std::make_unique<TextSource>("hello", 3)), 4096),
            "its source gives 5 of 3 bytes");
}

}  // namespace
}  // namespace callerapi::wire
