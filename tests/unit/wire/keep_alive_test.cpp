#include "wire/keep_alive.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace callerapi::wire {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* value;
  std::optional<Duration> keeps;
};

TEST(KeepAlive, OnlyAWholeNumberOfSecondsSaysAnything) {
  const Case cases[] = {
      {"timeout=5", 5s},
      {"timeout=5, max=100", 5s},
      {"max=100,\t TIMEOUT=75 ", 75s},
      {"timeout=0", 0s},
      {"timeout=007", 7s},
      {"timeout=30, timeout=4", 4s},
      {"timeout=4, timeout=30", 4s},
      {"timeout=99999999999999999999", 365 * 24h},
      {"timeout=nonsense, timeout=9", 9s},
      {"", std::nullopt},
      {"300", std::nullopt},
      {"timeout", std::nullopt},
      {"timeout=", std::nullopt},
      {"timeout=-5", std::nullopt},
      {"timeout=+5", std::nullopt},
      {"timeout=5.5", std::nullopt},
      {"timeout=5s", std::nullopt},
      {"timeout= 5", std::nullopt},
      {"timeout=\"5\"", std::nullopt},
      {"timeouts=5", std::nullopt},
      {"max=5", std::nullopt},
  };
  for (const auto& [value, keeps] : cases) {
    Headers headers;
    headers.add("Server", "x");
    headers.add("keep-alive", value);
    EXPECT_EQ(keep_alive_time(headers), keeps) << value;
  }
}

TEST(KeepAlive, TheLeastOfSeveralFieldsCounts) {
  Headers headers;
  headers.add("Keep-Alive", "timeout=20");
  headers.add("Keep-Alive", "timeout=10");
  headers.add("Keep-Alive", "max=3");
  EXPECT_EQ(keep_alive_time(headers), Duration(10s));
  EXPECT_EQ(keep_alive_time(Headers{}), std::nullopt);
}

}  // namespace
}  // namespace callerapi::wire
