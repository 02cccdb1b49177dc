#include "wire/multipart_source.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "wire/guarded.hpp"

namespace callerapi::wire {
namespace {

std::string all_of(BodySource& source, std::size_t step) {
  std::string out, buffer(step, '\0');
  for (;;) {
    const auto got = source.read(buffer);
    if (!got) return got.error().message;
    if (*got == 0) return out;
    out.append(buffer, 0, *got);
  }
}

TEST(Multipart, FramesItsPartsAndKnowsItsLength) {
  Multipart parts;
  parts.field("a", "1").bytes("f", "q\"uote.txt", "two\r\n", "text/plain");
  auto source = make_multipart(std::move(parts).take(), "B").value();
  const std::string want =
      "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"q%22uote.txt\"\r\n"
      "Content-Type: text/plain\r\n\r\ntwo\r\n\r\n--B--\r\n";

  EXPECT_EQ(source->length(), want.size());
  for (const std::size_t step : {1u, 7u, 4096u}) {
    EXPECT_EQ(all_of(*source, step), want);
    EXPECT_TRUE(source->rewind());
  }
}

TEST(Multipart, AGeneratorHidesTheLengthAndForbidsASecondSending) {
  Multipart parts;
  parts.part({"g", "", "", Body::generated([](std::span<char>) { return std::size_t{0}; })});
  auto source = make_multipart(std::move(parts).take(), "B").value();

  EXPECT_EQ(source->length(), std::nullopt);
  EXPECT_TRUE(source->rewind());
  all_of(*source, 64);
  EXPECT_FALSE(source->rewind());
}

TEST(Multipart, EachReadAsksOneSourceOnce) {
  int asked = 0;
  const auto sized = [&](std::size_t size) {
    return Body::generated([&asked, size, left = 3](std::span<char> into) mutable {
      ++asked;
      if (left-- == 0) return std::size_t{0};
      std::fill_n(into.begin(), size, 'x');
      return size;
    });
  };
  Multipart parts;
  for (const std::size_t size : {0u, 1u, 10u}) parts.part({"g", "", "", sized(size)});
  auto source = make_multipart(std::move(parts).take(), "B").value();
  std::string all, buffer(4096, '\0');
  for (std::size_t got = 1; got > 0; all.append(buffer, 0, got)) {
    const int before = asked;
    got = source->read(buffer).value();
    EXPECT_LE(asked, before + 1);
  }
  EXPECT_EQ(std::ranges::count(all, 'x'), 3 + 30);
  EXPECT_TRUE(all.ends_with("\r\n--B--\r\n")) << all;
}

TEST(Multipart, NamesCannotBreakTheirLine) {
  const auto reason = [](Multipart::Part part) {
    std::vector<Multipart::Part> parts;
    parts.push_back(std::move(part));
    auto made = make_multipart(std::move(parts), "B");
    return made ? "ok" : made.error().reason;
  };
  EXPECT_EQ(reason({"a\r\nb", "", "", Body::text("x")}), "illegal_byte");
  EXPECT_EQ(reason({"", "", "", Body::text("x")}), "illegal_byte");
  EXPECT_EQ(reason({"a", "f\n", "", Body::text("x")}), "illegal_byte");
  EXPECT_EQ(reason({"a", "f", "text/plain\r\nX: y", Body::text("x")}), "illegal_byte");
  EXPECT_EQ(reason({"a", "f", "plain", Body::text("x")}), "content_type");
  EXPECT_EQ(reason({"a", "f", "text/plain; charset=utf-8", Body::text("x")}), "ok");
}

TEST(FileBody, SendsWhatItDeclaredThoughTheFileGrows) {
  std::string path = testing::TempDir() + "callerapi_body_XXXXXX";
  const int fd = ::mkstemp(path.data());
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::write(fd, "hello", 5), 5);
  Body body = Body::file(path).value();
  ASSERT_EQ(::write(fd, " world", 6), 6);

  EXPECT_EQ(body.source()->length(), 5u);
  EXPECT_EQ(all_of(*body.source(), 4), "hello");
  EXPECT_TRUE(body.source()->rewind());
  EXPECT_EQ(all_of(*body.source(), 64), "hello");
  ::close(fd);
  ::unlink(path.c_str());
}

TEST(FileBody, AMissingFileIsNamed) {
  EXPECT_EQ(Body::file("/nowhere/x").error().message, "/nowhere/x: No such file or directory");
  EXPECT_EQ(Body::file("/").error().message, "/: not a regular file");
}

TEST(GuardedBody, WhatASourceThrowsIsAnError) {
  const auto of = [](Body::Generator generate) {
    return all_of(*make_guarded(Body::generated(std::move(generate)).take_source()), 8);
  };
  EXPECT_EQ(of([](std::span<char>) -> Result<std::size_t> { throw std::runtime_error("disk"); }),
            "the body source threw: disk");
  EXPECT_EQ(of([](std::span<char>) -> Result<std::size_t> { throw 7; }),
            "the body source threw: something that is no std::exception");
}

}  // namespace
}  // namespace callerapi::wire
