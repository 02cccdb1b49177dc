// P1: a request that may not be repeated is sent at most once, unless none of it left.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <ostream>
#include <string>

#include "promises/support.hpp"

namespace callerapi::promises {
namespace {

using support::Peer;
using support::RawServer;

/// When the server gives up on a request.
enum class Kill { unread, request_line, half_body, whole_request, half_status, head, half_answer };
constexpr const char* kills[] = {"Unread",     "RequestLine", "HalfBody",  "WholeRequest",
                                 "HalfStatus", "Head",        "HalfAnswer"};

struct Cell {
  Kill kill;
  bool reset;   ///< RST instead of FIN.
  bool reused;  ///< The connection has carried a call before.
  const char* method;
  bool keyed;

  std::string label() const {
    return std::string(kills[static_cast<int>(kill)]) + (reset ? "Rst" : "Fin") +
           (reused ? "Reused" : "Fresh") + method + (keyed ? "Keyed" : "");
  }
};
void PrintTo(const Cell& cell, std::ostream* out) { *out << cell.label(); }

std::vector<Cell> cells() {
  std::vector<Cell> all;
  for (int kill = 0; kill < 7; ++kill)
    for (bool reset : {false, true})
      for (bool reused : {false, true})
        for (const char* method : {"GET", "PUT", "DELETE", "POST", "POST+"})
          all.push_back({static_cast<Kill>(kill), reset, reused,
                         std::string_view(method) == "POST+" ? "POST" : method,
                         std::string_view(method) == "POST+"});
  return all;
}

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678";

/// Answers `/warm`; every other request is given up at the same point. Counts, for each target, how
/// many request lines of it arrived.
class Ledger {
 public:
  explicit Ledger(Cell cell) : cell_(cell) {}

  void serve(Peer& peer) {
    while (peer.readable()) {
      // The kind of the first byte that is there decides: a warm-up is answered in any case.
      if (warming_ && peer.read_until("\r\n\r\n").starts_with("GET /warm")) {
        peer.send(answer);
        continue;
      }
      if (warming_) return;
      if (cell_.kill != Kill::unread) give_up(peer);
      return cell_.reset ? peer.reset() : peer.close();
    }
  }
  void warm(bool on) { warming_ = on; }
  int arrivals(const std::string& target) {
    std::lock_guard lock(mutex_);
    return arrivals_[target];
  }

 private:
  void give_up(Peer& peer) {
    const std::string line = peer.read_until("\r\n");
    {
      const auto begin = line.find(' ') + 1;
      std::lock_guard lock(mutex_);
      ++arrivals_[line.substr(begin, line.find(' ', begin) - begin)];
    }
    if (cell_.kill == Kill::request_line) return;
    const std::string head = peer.read_until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    const std::size_t body = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
    peer.read_exactly(cell_.kill == Kill::half_body ? body / 2 : body);
    if (cell_.kill == Kill::half_status) peer.send(answer.substr(0, 9));
    if (cell_.kill == Kill::head) peer.send(answer.substr(0, answer.find("\r\n\r\n") + 4));
    if (cell_.kill == Kill::half_answer) peer.send(answer.substr(0, answer.size() - 4));
  }

  const Cell cell_;
  std::atomic<bool> warming_{false};
  std::mutex mutex_;
  std::map<std::string, int> arrivals_;  // protected by mutex_
};

class AtMostOnce : public ::testing::TestWithParam<Cell> {};

TEST_P(AtMostOnce, HoldsInEveryCell) {
  const Cell& cell = GetParam();
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    Ledger ledger(cell);
    RawServer server([&](Peer& peer) { ledger.serve(peer); });
    Caller caller = caller_of(server.url());
    if (cell.reused) {
      ledger.warm(true);
      ASSERT_TRUE(request(caller, driver, "GET", "/warm"));
      ledger.warm(false);
    }
    Request asked;
    if (std::string_view(cell.method) != "GET") asked = Request{}.body(Body::text("0123456789"));
    if (cell.keyed) asked = std::move(asked).header("Idempotency-Key", "\"one\"");

    const auto result = request(caller, driver, cell.method, "/once", std::move(asked));

    ASSERT_FALSE(result);
    // An end that came together with bytes is seen at once and never waited for.
    EXPECT_NE(result.error().outcome, Outcome::attempt_timeout) << result.error().message;
    const int arrived = ledger.arrivals("/once");
    const bool repeatable = std::string_view(cell.method) != "POST" || cell.keyed;
    EXPECT_LE(arrived, result.error().attempts);
    EXPECT_LE(arrived, repeatable ? 4 : 1) << result.error().message;
    if (arrived > 0) {
      EXPECT_NE(result.error().sent, Sent::no) << result.error().message;
    }
    if (!repeatable && cell.kill != Kill::unread) {
      EXPECT_EQ(result.error().attempts, 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(P1, AtMostOnce, ::testing::ValuesIn(cells()),
                         [](const auto& one) { return one.param.label(); });

}  // namespace
}  // namespace callerapi::promises
