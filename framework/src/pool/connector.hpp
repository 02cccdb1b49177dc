#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "pool/address_race.hpp"
#include "pool/connection.hpp"
#include "pool/handshake.hpp"
#include "pool/settings.hpp"
#include "wire/loop.hpp"

namespace callerapi::pool {

/// Opens one connection: looks the name up, lets its addresses race, agrees on TLS. On the loop's
/// thread; tells its owner once. Kept alive by what it waits for.
class Connector final : public std::enable_shared_from_this<Connector> {
 public:
  using Opened = std::function<void(Connector&, Result<std::unique_ptr<wire::Stream>>)>;
  struct Owner {
    std::function<void(std::size_t)> found;  ///< So many addresses are about to race.
    AddressRace::MakeRoom make_room;
    Opened opened;
  };
  Connector(const Settings& settings, wire::Loop& loop, Owner owner);
  ~Connector();

  void begin();
  /// Tells nobody any more.
  void abandon();
  const Opening& opening() const noexcept { return times_; }
  /// What it is at: dns, connect or tls.
  Phase phase() const noexcept {
    if (handshake_) return Phase::tls;
    return resolving_ ? Phase::dns : Phase::connect;
  }

 private:
  void on_resolved(Result<std::vector<wire::Address>> found);
  void on_raced(Result<std::unique_ptr<wire::Stream>> raced);
  void on_time();
  void established(std::unique_ptr<wire::Stream> stream);
  void finish(Result<std::unique_ptr<wire::Stream>> result);

  const Settings settings_;
  wire::Loop& loop_;
  Owner owner_;
  wire::Timer timer_;
  std::optional<AddressRace> race_;
  std::optional<Handshake> handshake_;
  bool resolving_ = false;
  Opening times_;
};

}  // namespace callerapi::pool
