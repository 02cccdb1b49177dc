// Answers of name servers to questions for SRV, good and hostile.
#include "wire/service_records.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace callerapi::wire {
namespace {

using namespace std::string_literals;

const std::string name = "\3svc\4test\0"s;

std::string u16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
std::string u32(unsigned value) { return u16(value >> 16) + u16(value & 0xffff); }
std::string message(unsigned answers, const std::string& records) {
  return "\0\1\x81\x80"s + u16(1) + u16(answers) + u16(0) + u16(0) + name + u16(33) + u16(1) +
         records;
}
std::string record(unsigned ttl, const std::string& data, unsigned type = 33) {
  return "\xc0\x0c" + u16(type) + u16(1) + u32(ttl) + u16(static_cast<unsigned>(data.size())) +
         data;
}
std::string srv(unsigned ttl, unsigned priority, unsigned weight, unsigned port,
                const std::string& target) {
  return record(ttl, u16(priority) + u16(weight) + u16(port) + target);
}
Result<ServiceRecords> read(const std::string& bytes) {
  // Of its very size, so that a sanitizer sees a look beyond it.
  const std::vector<unsigned char> exact(bytes.begin(), bytes.end());
  return read_service_records(exact.data(), exact.size());
}
std::string refused(const std::string& bytes) {
  const auto result = read(bytes);
  return result ? "accepted" : result.error().reason + ": " + result.error().message;
}

TEST(ServiceRecords, AreReadWithTheLeastTtlOfTheWay) {
  const auto found =
      read(message(3, record(5, "\xc0\x0c", 5) + srv(30, 10, 60, 8080, "\1a\xc0\x0c") +
                          srv(40, 20, 0, 443, "\1b\4test\0"s)));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->all,
            (std::vector<ServiceRecord>{{10, 60, 8080, "a.svc.test"}, {20, 0, 443, "b.test"}}));
  EXPECT_EQ(found->ttl, std::chrono::seconds(5)) << "of the alias";
}

TEST(ServiceRecords, ATtlWithTheFirstBitSetIsZero) {
  EXPECT_EQ(read(message(1, srv(0x80000001U, 1, 1, 80, name)))->ttl, Duration(0));
}

TEST(ServiceRecords, NoneAndTheOneThatSaysNowhereAreErrors) {
  EXPECT_EQ(refused(message(0, "")), "no_address: the name has no SRV record");
  EXPECT_EQ(refused(message(1, srv(1, 0, 0, 0, "\0"s))),
            "no_address: its SRV record says that the service is nowhere");
}

TEST(ServiceRecords, OneThatLeadsNowhereSpoilsTheAnswer) {
  const std::string good = srv(1, 1, 1, 80, name);
  EXPECT_EQ(refused(message(2, good + srv(1, 1, 1, 0, name))),
            "malformed: an SRV record leads to \"svc.test\" port 0, which is nowhere");
  EXPECT_EQ(refused(message(2, good + srv(1, 1, 1, 80, "\0"s))),
            "malformed: an SRV record leads to \"\" port 80, which is nowhere");
  EXPECT_EQ(refused(message(2, good + srv(1, 1, 1, 80, "\3a/b\0"s))),
            "malformed: an SRV record leads to \"a/b\" port 80, which is nowhere");
}

TEST(ServiceRecords, ThousandAreTheMost) {
  std::string records;
  for (unsigned i = 1; i <= 1000; ++i) records += srv(1, 1, 1, i, name);
  EXPECT_EQ(refused(message(1000, records)), "accepted");
  EXPECT_EQ(refused(message(1001, records + srv(1, 1, 1, 1001, name))),
            "too_many: the answer names more than 1000 instances");
}

TEST(ServiceRecords, ACutMessageIsNeverHalfAnAnswer) {
  const std::string whole =
      message(2, srv(30, 10, 60, 8080, "\1a\xc0\x0c") + srv(40, 20, 0, 443, "\1b\4test\0"s));
  ASSERT_TRUE(read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(refused(whole.substr(0, size)), "malformed: the answer cannot be read") << size;
}

TEST(ServiceRecords, WhateverBytesThereAreItComesToAnEnd) {
  const std::string whole = message(
      3, srv(30, 10, 60, 8080, "\1a\xc0\x0c") + record(1, "x", 1) + srv(40, 2, 0, 443, "\xc0\x0c"));
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    for (int n = 0; n < 4; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (const auto result = read(bytes)) {
      EXPECT_LE(result->all.size(), service_records_max);
      for (const auto& one : result->all) EXPECT_GT(one.port, 0);
    }
  }
  // A name that points to itself.
  EXPECT_EQ(refused(message(1, srv(1, 1, 1, 80, "\xc0\x2c"))).substr(0, 9), "malformed");
}

}  // namespace
}  // namespace callerapi::wire
