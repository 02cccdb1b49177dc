#include "base/units.hpp"

#include <gtest/gtest.h>

namespace callerapi::base {
namespace {

using namespace std::chrono_literals;

TEST(Units, DurationsNeedAUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("2s"), 2s);
  EXPECT_EQ(parse_duration("1m"), 1min);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0.1s"), 100ms);
  EXPECT_EQ(parse_duration("7us"), 7us);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("0"), 0s);
  for (const char* bad : {"", "2", "00", "s", "-1s", "+1s", " 2s", "2 s", "2s ", "1.s", ".5s", "2S",
                          "1h30m", "1e3s", "9999999999999999999s", "9999999999d", "1.0000000001s",
                          "1.00000000000000000000000000000000000000001s"})
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
}

TEST(Units, DurationsAreWrittenInTheLargestUnitThatFits) {
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(24h), "1d");
  EXPECT_EQ(format_duration(0s), "0s");
  for (const Duration value : {Duration(1us), Duration(90s), Duration(7h), Duration(250ms)})
    EXPECT_EQ(parse_duration(format_duration(value)), value);
}

TEST(Units, SizesArePowersOf1024) {
  EXPECT_EQ(parse_bytes("16MiB"), 16u << 20);
  EXPECT_EQ(parse_bytes("64KiB"), 64u << 10);
  EXPECT_EQ(parse_bytes("1000"), 1000u);
  EXPECT_EQ(parse_bytes("512B"), 512u);
  for (const char* bad : {"", "16MB", "16M", "1.5MiB", "-1", "MiB", "99999999999GiB"})
    EXPECT_EQ(parse_bytes(bad), std::nullopt) << bad;
  EXPECT_EQ(format_bytes(16u << 20), "16MiB");
  EXPECT_EQ(format_bytes(1000), "1000B");
}

}  // namespace
}  // namespace callerapi::base
