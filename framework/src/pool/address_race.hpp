#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pool/settings.hpp"
#include "wire/loop.hpp"

namespace callerapi::pool {

/// RFC 8305: a dead address costs a call a quarter of a second, not the whole timeouts.connect.
/// Less would open two connections to services that are merely far away.
inline constexpr Duration address_stagger = std::chrono::milliseconds(250);

/// Connects to the addresses of one instance in their order, the next one when the last failed or
/// is still undecided after address_stagger; the first to connect wins, the others are closed. Each
/// has timeouts.connect of its own. On the loop's thread; tells its owner once, which may destroy
/// it there.
class AddressRace {
 public:
  /// The winner rests in the loop. Or what every address answered, in order, in one text.
  using Ended = std::function<void(Result<std::unique_ptr<wire::Stream>>)>;
  /// Asked when no file descriptor is left: was one freed, so that it is worth to try once more?
  using MakeRoom = std::function<bool()>;
  AddressRace(const Settings& settings, wire::Loop& loop, std::vector<wire::Address> addresses,
              MakeRoom make_room, Ended ended);
  ~AddressRace();
  AddressRace(const AddressRace&) = delete;
  AddressRace& operator=(const AddressRace&) = delete;

  void begin() { start_next(); }

 private:
  struct Runner;

  void start_next();
  Result<void> start(Runner& runner);
  void decided(Runner& runner);
  void late(Runner& runner);
  void drop(Runner& runner, Error why);
  void stop();
  Error summary();

  const Settings settings_;
  wire::Loop& loop_;
  MakeRoom make_room_;
  Ended ended_;
  wire::Timer stagger_;
  std::vector<std::unique_ptr<Runner>> runners_;
  std::size_t next_ = 0, running_ = 0;
};

}  // namespace callerapi::pool
