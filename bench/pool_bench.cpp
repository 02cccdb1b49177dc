// Taking a kept connection from the pool and giving it back, as a blocking call does; the probe of
// the socket is a system call, which the peer makes alone.
#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include <future>
#include <memory>
#include <utility>

#include "allocations.hpp"
#include "pool/origin.hpp"
#include "support/raw_server.hpp"
#include "wire/reactor.hpp"

namespace callerapi::pool {
namespace {

class Asker final : public Waiter {
 public:
  void on_connection(Result<std::unique_ptr<Connection>> got) noexcept override {
    got_.set_value(std::move(got));
  }
  Wants wants() const noexcept override { return Wants::any; }
  Result<std::unique_ptr<Connection>> answer() { return got_.get_future().get(); }

 private:
  std::promise<Result<std::unique_ptr<Connection>>> got_;
};

/// A pool with one connection to a server that says nothing.
struct Stage {
  support::RawServer server{[](support::Peer& peer) { peer.read_to_end(); }};
  base::SystemClock clock;
  std::unique_ptr<wire::Reactor> loop = std::move(wire::Reactor::start(clock)).value();
  std::shared_ptr<Origin> origin;

  Stage() {
    Settings settings;
    settings.host = "127.0.0.1";
    settings.port = static_cast<std::uint16_t>(server.port());
    origin = std::make_shared<Origin>(settings, *loop, std::make_shared<Family>());
    Asker asker;
    loop->post([&] { origin->wait(asker); });
    origin->give_back(asker.answer().value(), true);
  }
  ~Stage() {
    std::promise<void> closed;
    loop->post([&] {
      origin->close(Error{Outcome::shutdown, "shutdown", ""});
      origin.reset();
      closed.set_value();
    });
    closed.get_future().wait();
  }
};

void BM_PoolTakeAndGiveBack(benchmark::State& state) {
  const Stage stage;
  std::uint64_t taken = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    auto connection = stage.origin->take();
    if (connection == nullptr) break;
    ++taken;
    stage.origin->give_back(std::move(connection), true);
  }
  state.counters["taken"] =
      benchmark::Counter(static_cast<double>(taken), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_PoolTakeAndGiveBack);

void BM_ProbeOfASocketAlone(benchmark::State& state) {
  const Stage stage;
  auto connection = stage.origin->take();
  std::uint64_t quiet = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    char byte = 0;
    quiet += ::recv(connection->stream->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 ? 1 : 0;
  }
  state.counters["quiet"] =
      benchmark::Counter(static_cast<double>(quiet), benchmark::Counter::kAvgIterations);
  stage.origin->give_back(std::move(connection), true);
}
BENCHMARK(BM_ProbeOfASocketAlone);

}  // namespace
}  // namespace callerapi::pool
