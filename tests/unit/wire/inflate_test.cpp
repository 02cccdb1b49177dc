#include "wire/inflate.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/coded.hpp"

namespace callerapi::wire {
namespace {

using support::coded;
using support::gzip_format;
using support::raw_format;
using support::zlib_format;

/// What became of a body: its text, and "" or "outcome/reason: text".
struct Verdict {
  std::string body, error;

  bool operator==(const Verdict&) const = default;
};

std::string error_of(const BodyDecoder& decoder) {
  return std::string(name(decoder.error_outcome())) + "/" + std::string(decoder.error_reason()) +
         ": " + decoder.error_text();
}

/// Decodes `body`, given in pieces that end at `cuts` and at its end.
Verdict decode(const std::string& codings, std::string_view body,
               const std::vector<std::size_t>& cuts = {}) {
  Headers headers;
  headers.add("Content-Encoding", codings);
  BodyDecoder decoder;
  Verdict verdict;
  const auto failed = [&] { return Verdict{verdict.body, error_of(decoder)}; };
  if (!decoder.start(headers)) return failed();
  const auto take = [&](std::string_view piece) {
    decoder.give(piece);
    for (;;) {
      const auto event = decoder.next();
      if (event == BodyDecoder::Event::need_more) return true;
      if (event == BodyDecoder::Event::error) return false;
      EXPECT_LE(decoder.piece().size(), 32u << 10);
      verdict.body.append(decoder.piece());
    }
  };
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    if (!take(body.substr(at, cut - at))) return failed();
    at = cut;
  }
  if (!take(body.substr(at)) || !decoder.finish()) return failed();
  return verdict;
}

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i * i) + "\n";
  text.resize(size);
  return text;
}

TEST(Inflate, EveryFormatIsReadWhereverTheBytesAreCut) {
  const std::string text = text_of(300);
  const struct {
    const char* codings;
    std::string body;
  } cases[] = {
      {"gzip", coded(text)},
      {"x-gzip", coded(text)},
      {"GZIP, identity", coded(text)},
      {"deflate", coded(text, zlib_format)},
      {"deflate", coded(text, raw_format)},
      {"deflate, gzip", coded(coded(text, raw_format))},
      {"gzip,deflate", coded(coded(text), zlib_format)},
      {"gzip", coded(text.substr(0, 100)) + coded("") + coded(text.substr(100))},
  };
  for (const auto& c : cases)
    for (std::size_t cut = 0; cut <= c.body.size(); ++cut)
      ASSERT_EQ(decode(c.codings, c.body, {cut}), (Verdict{text, ""}))
          << c.codings << " at " << cut;
}

TEST(Inflate, OneByteAtATimeGivesTheSame) {
  const std::string text = text_of(100'000), body = coded(coded(text), zlib_format);
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < body.size(); ++i) cuts.push_back(i);

  EXPECT_EQ(decode("gzip, deflate", body, cuts), (Verdict{text, ""}));
}

TEST(Inflate, ABodyThatEndsEarlyIsTruncatedAtEveryByte) {
  const std::string text = text_of(300);
  for (const int format : {gzip_format, zlib_format, raw_format}) {
    const std::string body = coded(text, format),
                      codings = format == gzip_format ? "gzip" : "deflate";
    for (std::size_t size = 1; size < body.size(); ++size) {
      const Verdict verdict = decode(codings, body.substr(0, size));
      ASSERT_EQ(verdict.error, "response_truncated/coding: response body: its " + codings +
                                   " coding ends early, after " +
                                   std::to_string(verdict.body.size()) + " decoded bytes")
          << size;
    }
  }
}

TEST(Inflate, AnEmptyBodyIsEmptyInEveryCoding) {
  EXPECT_EQ(decode("gzip", ""), (Verdict{"", ""}));
  EXPECT_EQ(decode("deflate, gzip", ""), (Verdict{"", ""}));
  EXPECT_EQ(decode("gzip", coded("")), (Verdict{"", ""}));
}

TEST(Inflate, BytesBehindTheEndAreRefused) {
  const std::string want = "protocol_error/coding: response body: bytes follow the end of its ";
  for (const std::size_t cut : {0u, 1u}) {
    const std::string gzip = coded("hello"), zlib = coded("hello", zlib_format);
    EXPECT_EQ(decode("gzip", gzip + "xx", {gzip.size() + cut}).error, want + "gzip coding");
    EXPECT_EQ(decode("gzip", gzip + std::string(8, '\0'), {gzip.size() + cut}).error,
              want + "gzip coding");
    EXPECT_EQ(decode("deflate", zlib + zlib, {zlib.size() + cut}).error, want + "deflate coding");
  }
}

TEST(Inflate, AFlippedBitAnywhereIsNeverAnotherAnswer) {
  const std::string text = text_of(200), body = coded(text);
  for (std::size_t at = 0; at < body.size(); ++at) {
    // Bytes 4 to 9 of the head are a time and hints that no checksum covers.
    if (at >= 3 && at < 10) continue;
    std::string damaged = body;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const Verdict verdict = decode("gzip", damaged);
    // The bits that fill the last byte before the checksum mean nothing.
    EXPECT_TRUE(verdict == (Verdict{text, ""}) ||
                verdict.error.starts_with("protocol_error/coding: ") ||
                verdict.error.starts_with("response_truncated/coding: "))
        << at << ": " << verdict.error;
  }
  std::string checksum = body;
  checksum[checksum.size() - 8] ^= 1;
  EXPECT_EQ(
      decode("gzip", checksum).error,
      "protocol_error/coding: response body: its gzip coding is damaged after 200 decoded bytes");
}

TEST(Inflate, ABombEndsInTheLoopThatMakesItGrow) {
  const std::string zeros(64u << 20, '\0');
  const Verdict once = decode("gzip", coded(zeros));
  const Verdict twice = decode("gzip, gzip", coded(coded(zeros)));

  // 64 MiB from 64 KiB, and from a few hundred bytes: over after the first mebibytes.
  EXPECT_TRUE(once.error.starts_with("response_too_large/ratio: response body: ")) << once.error;
  EXPECT_TRUE(once.error.ends_with(", over the ratio of 100 to 1")) << once.error;
  EXPECT_LT(once.body.size(), 8u << 20);
  EXPECT_TRUE(twice.error.starts_with("response_too_large/ratio: ")) << twice.error;
  EXPECT_LT(twice.body.size(), 2u << 20);
}

TEST(Inflate, ASmallBodyMayGrowAsMuchAsItLikes) {
  const std::string zeros(1u << 20, '\0');
  EXPECT_EQ(decode("gzip", coded(zeros)), (Verdict{zeros, ""}));
}

TEST(Inflate, WhatIsNotKnownIsNamed) {
  EXPECT_EQ(
      decode("br", "x").error,
      "protocol_error/coding: response body: Content-Encoding 'br' was not asked for; gzip and "
      "deflate are decoded, an Accept-Encoding of your own gets the bytes as they are");
  EXPECT_TRUE(decode("gzip, zstd", "x").error.find("'zstd'") != std::string::npos);
  EXPECT_EQ(decode("gzip, gzip, gzip", "x").error,
            "response_too_large/codings: response body: more than the 2 codings allowed in "
            "Content-Encoding");
}

}  // namespace
}  // namespace callerapi::wire
