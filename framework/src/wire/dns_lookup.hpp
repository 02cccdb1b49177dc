#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wire/dns_channel.hpp"
#include "wire/loop.hpp"

namespace callerapi::wire {

/// RFC 8305 3: once one family has addresses, how long the other may still take. A server that
/// drops AAAA questions must not cost the whole timeouts.dns.
inline constexpr Duration family_patience = std::chrono::milliseconds(50);

/// The full names to ask for, in order: as resolv.conf's `search` and `ndots` say. A name that ends
/// in a dot is whole.
std::vector<std::string> full_names(const std::string& name, const std::vector<std::string>& search,
                                    int ndots);

/// Looks one name up: A and AAAA together, for each full name until one exists. On the loop's
/// thread; `done` runs once, unless the object dies before.
class DnsLookup final : public std::enable_shared_from_this<DnsLookup> {
 public:
  using Done = std::function<void(Result<Found>)>;
  /// `channel` must outlive every question it has not answered.
  DnsLookup(Loop& loop, DnsChannel& channel, const std::string& name, Done done);
  ~DnsLookup();

  void begin();

 private:
  void on_answer(std::size_t asked, Family family, Result<Found> answer);
  void settle();
  void end(Result<Found> result);

  Loop& loop_;
  DnsChannel& channel_;
  Done done_;
  Timer timer_;
  const std::vector<std::string> names_;
  std::size_t next_ = 0;
  std::array<std::optional<Result<Found>>, 2> answers_;  ///< By Family.
  std::optional<Error> absent_;
};

}  // namespace callerapi::wire
