#include "pool/address_race.hpp"

#include <algorithm>
#include <utility>

#include "wire/socket.hpp"

namespace callerapi::pool {
namespace {

std::string ms(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

Error denied(const wire::Address& to) {
  return {.outcome = Outcome::connect_error,
          .reason = "denied_address",
          .message = wire::to_text(to) +
                     ": the service may not connect to this address; list it in allow_addresses if "
                     "it should",
          .phase = Phase::connect};
}

/// Which of several failures says most about the service: that it answered at all.
int telling(const Error& error) noexcept {
  if (error.reason == "denied_address") return 0;
  if (error.outcome == Outcome::connect_timeout) return 1;
  return error.outcome == Outcome::connect_error ? 2 : 0;
}

}  // namespace

struct AddressRace::Runner final : wire::StreamEvents {
  Runner(AddressRace& of, wire::Address address)
      : race(of), to(std::move(address)), timer([this] { race.late(*this); }) {}
  void on_ready() noexcept override { race.decided(*this); }

  AddressRace& race;
  const wire::Address to;
  wire::Timer timer;
  std::unique_ptr<wire::Stream> stream;
  Error failure;
};

AddressRace::AddressRace(const Settings& settings, wire::Loop& loop,
                         std::vector<wire::Address> addresses, MakeRoom make_room, Ended ended)
    : settings_(settings),
      loop_(loop),
      make_room_(std::move(make_room)),
      ended_(std::move(ended)),
      stagger_([this] { start_next(); }) {
  for (wire::Address& address : addresses)
    runners_.push_back(std::make_unique<Runner>(*this, std::move(address)));
}

AddressRace::~AddressRace() { stop(); }

/// Whoever still runs has lost.
void AddressRace::stop() {
  loop_.disarm(stagger_);
  for (const auto& runner : runners_) {
    loop_.disarm(runner->timer);
    if (runner->stream) loop_.forget(*runner->stream);
    runner->stream.reset();
  }
}

void AddressRace::start_next() {
  loop_.disarm(stagger_);
  while (next_ < runners_.size()) {
    Runner& runner = *runners_[next_++];
    if (auto started = start(runner); !started) {
      runner.failure = std::move(started).error();
      continue;
    }
    if (next_ < runners_.size()) loop_.arm(stagger_, loop_.now() + address_stagger);
    return;
  }
  if (running_ == 0) std::exchange(ended_, nullptr)(summary());
}

Result<void> AddressRace::start(Runner& runner) {
  // Here and not at the name: what a name leads to may change between two connections.
  if (!runner.to.is_path() && !wire::may_connect(runner.to.host, settings_.allow_addresses))
    return denied(runner.to);
  auto stream = loop_.connect(runner.to);
  if (!stream && stream.error().reason == "fds" && make_room_()) stream = loop_.connect(runner.to);
  if (!stream) return std::move(stream).error();
  if (auto watched = loop_.watch(**stream, runner); !watched) return watched;
  runner.stream = std::move(*stream);
  ++running_;
  if (settings_.connect > Duration::zero())
    loop_.arm(runner.timer, loop_.now() + settings_.connect);
  return {};
}

void AddressRace::decided(Runner& runner) {
  if (!runner.stream) return;
  if (const int error = runner.stream->connect_error(); error != 0)
    return drop(runner, wire::connect_failure(error, runner.to));
  auto winner = std::move(runner.stream);
  loop_.rest(*winner);
  stop();
  std::exchange(ended_, nullptr)(std::move(winner));
}

void AddressRace::late(Runner& runner) {
  drop(runner, {.outcome = Outcome::connect_timeout,
                .reason = "timeout",
                .message = wire::to_text(runner.to) +
                           ": no connection within timeouts.connect = " + ms(settings_.connect),
                .phase = Phase::connect});
}

void AddressRace::drop(Runner& runner, Error why) {
  runner.failure = std::move(why);
  loop_.disarm(runner.timer);
  loop_.forget(*runner.stream);
  runner.stream.reset();
  --running_;
  start_next();
}

Error AddressRace::summary() {
  if (runners_.size() == 1) return std::move(runners_.front()->failure);
  const auto most =
      std::ranges::max_element(runners_, {}, [](const auto& r) { return telling(r->failure); });
  Error all = (*most)->failure;
  all.message = (settings_.proxy ? settings_.proxy->host : settings_.host) + ": none of " +
                std::to_string(runners_.size()) + " addresses took a connection: ";
  for (const auto& runner : runners_)
    all.message += (runner == runners_.front() ? "" : "; ") + runner->failure.message;
  return all;
}

}  // namespace callerapi::pool
