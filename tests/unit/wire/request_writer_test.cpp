#include "wire/request_writer.hpp"

#include <gtest/gtest.h>

namespace callerapi::wire {
namespace {

std::string head_of(RequestHead head, const Headers& headers = {}) {
  head.authority = "h";
  head.headers = &headers;
  std::string out = "kept";
  const auto done = append_head(out, head);
  if (!done) {
    EXPECT_EQ(out, "kept") << "bytes of a refused request";
  }
  return done ? out.substr(4) : done.error().reason;
}

std::string with_header(std::string_view name, std::string_view value) {
  Headers headers;
  headers.add(name, value);
  return head_of({.method = "GET", .target = "/"}, headers);
}

TEST(RequestWriter, FramingIsAlwaysSaid) {
  EXPECT_EQ(head_of({.method = "GET", .target = "/x?y"}), "GET /x?y HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head_of({.method = "POST", .target = "/"}),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(head_of({.method = "PUT", .target = "/", .has_body = true, .content_length = 7}),
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(head_of({.method = "PUT", .target = "/", .has_body = true}),
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(RequestWriter, NoByteOfACallerCanBeSyntax) {
  EXPECT_EQ(head_of({.method = "GET x", .target = "/"}), "illegal_byte");
  EXPECT_EQ(head_of({.method = "", .target = "/"}), "illegal_byte");
  for (const char* target : {"", "x", "/a b", "/a\r\nX: y", "/#f", "/\xc3\xa9", "/\x7f", "//h\t"})
    EXPECT_EQ(head_of({.method = "GET", .target = target}), "illegal_byte") << target;
  for (const char* value : {"a\r\nX: y", "a\nb", "a\rb", "\x01", "\x7f"})
    EXPECT_EQ(with_header("X", value), "illegal_byte");
  EXPECT_EQ(with_header("X", std::string_view("a\0b", 3)), "illegal_byte");
  for (const char* name : {"", "X Y", "X:", "X\r\n", "\xc3\xa9"})
    EXPECT_EQ(with_header(name, "v"), "illegal_byte") << name;
  EXPECT_EQ(with_header("X", "a\tb \xe9"), "GET / HTTP/1.1\r\nHost: h\r\nX: a\tb \xe9\r\n\r\n");
}

TEST(RequestWriter, FramingFieldsBelongToTheEngine) {
  for (const char* name :
       {"content-length", "Transfer-Encoding", "HOST", "Connection", "Upgrade", "TE", "Trailer",
        "Keep-Alive", "Proxy-Authorization", "proxy-connection", "Expect"})
    EXPECT_EQ(with_header(name, "x"), "reserved_header") << name;
}

TEST(RequestWriter, HeadsAreBounded) {
  EXPECT_EQ(head_of({.method = "GET", .target = "/" + std::string(16384, 'x')}), "request_head");
  EXPECT_EQ(with_header("X", std::string(65536, 'x')), "request_head");
}

TEST(RequestWriter, ChunksAreHexadecimal) {
  std::string out;
  append_chunk_head(out, 255);
  EXPECT_EQ(out, "ff\r\n");
}

}  // namespace
}  // namespace callerapi::wire
