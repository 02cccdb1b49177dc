#include "pool/address_race.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>

#include "support/black_hole.hpp"
#include "support/scripted_server.hpp"
#include "wire/reactor.hpp"

namespace callerapi::pool {
namespace {

using namespace std::chrono_literals;
using support::BlackHole;
using support::ScriptedServer;

constexpr std::uint16_t closed_port = 1;  // tcpmux: nobody listens there

class Race : public testing::Test {
 protected:
  Race() { settings_.host = "svc.test"; }

  /// Runs one race on the loop; answers "won", or why nobody did.
  Result<void> run(const std::vector<wire::Address>& addresses) {
    std::promise<Result<void>> ended;
    began_ = std::chrono::steady_clock::now();
    reactor_->post([&] {
      race_.emplace(settings_, *reactor_, addresses, [&](auto raced) {
        took_ = std::chrono::steady_clock::now() - began_;
        if (raced) reactor_->forget(**raced);
        ended.set_value(raced ? Result<void>() : Result<void>(std::move(raced).error()));
      });
      race_->begin();
    });
    auto result = ended.get_future().get();
    std::promise<void> gone;
    reactor_->post([&] {
      race_.reset();
      gone.set_value();
    });
    gone.get_future().get();
    return result;
  }
  static wire::Address at(const std::string& host, int port) {
    return {host, static_cast<std::uint16_t>(port)};
  }

  ScriptedServer server_{[](const auto&) { return support::Script{}; }};
  base::SystemClock clock_;
  std::unique_ptr<wire::Reactor> reactor_ = wire::Reactor::start(clock_).value();
  Settings settings_;
  std::optional<AddressRace> race_;
  std::chrono::steady_clock::time_point began_;
  Duration took_{};
};

TEST_F(Race, ARefusedAddressIsFollowedByTheNextAtOnce) {
  ASSERT_TRUE(run({at("::1", server_.port()), at("127.0.0.1", server_.port())}));

  EXPECT_LT(took_, address_stagger);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(Race, ASilentAddressCostsTheStaggerAndNotItsTimeout) {
  BlackHole hole("127.0.0.2", server_.port());

  ASSERT_TRUE(run({at("127.0.0.2", server_.port()), at("127.0.0.1", server_.port())}));

  EXPECT_GE(took_, address_stagger);
  EXPECT_LT(took_, settings_.connect);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(Race, TheFirstAddressWinsWithoutTheOthersBeingAsked) {
  BlackHole hole("127.0.0.2", server_.port());

  ASSERT_TRUE(run({at("127.0.0.1", server_.port()), at("127.0.0.2", server_.port())}));

  EXPECT_LT(took_, address_stagger);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(Race, WhenAllFailTheErrorListsEachInOrder) {
  BlackHole hole;
  settings_.connect = 50ms;

  const auto lost = run(
      {at("127.0.0.1", hole.port()), at("127.0.0.2", closed_port), at("127.0.0.3", closed_port)});

  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().outcome, Outcome::connect_error);
  EXPECT_EQ(lost.error().reason, "refused");
  EXPECT_EQ(
      lost.error().message,
      "svc.test: none of 3 addresses took a connection: 127.0.0.1:" + std::to_string(hole.port()) +
          ": no connection within timeouts.connect = 50 ms; 127.0.0.2:1: "
          "connection refused; 127.0.0.3:1: connection refused");
}

TEST_F(Race, EachAddressHasItsOwnConnectTimeout) {
  BlackHole first("127.0.0.2"), second("127.0.0.3");
  settings_.connect = 300ms;

  const auto lost = run({at("127.0.0.2", first.port()), at("127.0.0.3", second.port())});

  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().outcome, Outcome::connect_timeout);
  EXPECT_GE(took_, address_stagger + 300ms);
  EXPECT_LT(took_, 2s);
}

TEST_F(Race, OneAddressAloneIsNamedAlone) {
  const auto lost = run({at("127.0.0.1", closed_port)});

  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().message, "127.0.0.1:1: connection refused");
}

}  // namespace
}  // namespace callerapi::pool
