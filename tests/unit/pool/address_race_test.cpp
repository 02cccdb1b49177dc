#include "pool/address_race.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <thread>

#include "support/black_hole.hpp"
#include "support/scripted_server.hpp"
#include "wire/reactor.hpp"

namespace callerapi::pool {
namespace {

using namespace std::chrono_literals;
using support::BlackHole;
using support::ScriptedServer;

constexpr std::uint16_t closed_port = 1;  // tcpmux: nobody listens there

/// Races on a loop whose clock stands still until a test moves it.
class Race : public testing::Test {
 protected:
  Race() { settings_.host = "svc.test"; }
  ~Race() override {
    reactor_->post([this] { race_.reset(); });
    turn();
  }

  void begin(const std::vector<wire::Address>& addresses) {
    reactor_->post([this, addresses] {
      race_.emplace(
          settings_, *reactor_, addresses, [] { return false; },
          [this](auto raced) {
            if (raced) reactor_->forget(**raced);
            ended_.set_value(raced ? Result<void>() : Result<void>(std::move(raced).error()));
          });
      race_->begin();
    });
    turn();
  }
  /// Lets the loop go round: what was due has then happened.
  void turn() {
    for (int i = 0; i < 2; ++i) {
      std::promise<void> seen;
      reactor_->post([&] { seen.set_value(); });
      seen.get_future().get();
    }
  }
  void pass(Duration time) {
    clock_.advance(time);
    turn();
  }
  bool over() { return result_.wait_for(0s) == std::future_status::ready; }
  Result<void> result() {
    EXPECT_EQ(result_.wait_for(20s), std::future_status::ready);
    return result_.get();
  }
  /// The server may learn of a connection after its client.
  int connections() const {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (server_.connections() == 0 && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    return server_.connections();
  }
  static wire::Address at(const std::string& host, int port) {
    return {host, static_cast<std::uint16_t>(port)};
  }

  ScriptedServer server_{[](const auto&) { return support::Script{}; }};
  base::ManualClock clock_;
  std::unique_ptr<wire::Reactor> reactor_ = wire::Reactor::start(clock_).value();
  Settings settings_;
  std::promise<Result<void>> ended_;
  std::future<Result<void>> result_ = ended_.get_future();
  std::optional<AddressRace> race_;
};

TEST_F(Race, ARefusedAddressIsFollowedByTheNextAtOnce) {
  begin({at("::1", server_.port()), at("127.0.0.1", server_.port())});

  EXPECT_TRUE(result());
  EXPECT_EQ(connections(), 1);
}

TEST_F(Race, ASilentAddressCostsTheStaggerAndNotItsTimeout) {
  BlackHole hole("127.0.0.2", server_.port());
  begin({at("127.0.0.2", server_.port()), at("127.0.0.1", server_.port())});

  pass(address_stagger - 1ms);
  EXPECT_FALSE(over());
  pass(2ms);
  EXPECT_TRUE(result());
  EXPECT_EQ(connections(), 1);
}

TEST_F(Race, TheFirstAddressWinsWithoutTheOthersBeingAsked) {
  ScriptedServer other([](const auto&) { return support::Script{}; });
  begin({at("127.0.0.1", server_.port()), at("127.0.0.1", other.port())});

  EXPECT_TRUE(result());
  EXPECT_EQ(connections(), 1);
  pass(1s);
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(Race, WhenAllFailTheErrorListsEachInOrder) {
  BlackHole hole;
  settings_.connect = 50ms;
  begin({at("127.0.0.1", hole.port()), at("127.0.0.2", closed_port), at("127.0.0.3", closed_port)});
  pass(51ms);

  const auto lost = result();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().outcome, Outcome::connect_error);
  EXPECT_EQ(lost.error().reason, "refused");
  EXPECT_EQ(
      lost.error().message,
      "svc.test: none of 3 addresses took a connection: 127.0.0.1:" + std::to_string(hole.port()) +
          ": no connection within timeouts.connect = 50 ms; 127.0.0.2:1: connection refused; "
          "127.0.0.3:1: connection refused");
}

TEST_F(Race, EachAddressHasItsOwnConnectTimeout) {
  BlackHole first("127.0.0.2"), second("127.0.0.3");
  settings_.connect = 300ms;
  begin({at("127.0.0.2", first.port()), at("127.0.0.3", second.port())});

  pass(address_stagger + 1ms);
  pass(299ms);
  EXPECT_FALSE(over()) << "the second began later and ends later";
  pass(3ms);

  const auto lost = result();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().outcome, Outcome::connect_timeout);
}

TEST_F(Race, ADeniedAddressIsNeverConnectedTo) {
  settings_.allow_addresses = {*wire::AddressRange::parse("127.0.0.2")};
  begin({at("127.0.0.1", server_.port())});

  const auto lost = result();
  EXPECT_EQ(lost.error().outcome, Outcome::connect_error);
  EXPECT_EQ(lost.error().reason, "denied_address");
  EXPECT_EQ(lost.error().message, "127.0.0.1:" + std::to_string(server_.port()) +
                                      ": the service may not connect to this address; list it in "
                                      "allow_addresses if it should");
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(Race, ADeniedAddressDoesNotHoldBackAnAllowedOne) {
  begin({at("fe80::1", server_.port()), at("127.0.0.1", server_.port())});

  EXPECT_TRUE(result());
}

TEST_F(Race, OneAddressAloneIsNamedAlone) {
  begin({at("127.0.0.1", closed_port)});

  EXPECT_EQ(result().error().message, "127.0.0.1:1: connection refused");
}

}  // namespace
}  // namespace callerapi::pool
