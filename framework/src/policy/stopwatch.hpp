#pragma once

#include <algorithm>

#include "callerapi/time_ledger.hpp"
#include "pool/connection.hpp"

namespace callerapi::policy {

/// Keeps the time ledger of one call: one part runs at any moment. Times must not run backwards;
/// one before the last change counts as that.
class Stopwatch {
 public:
  using Part = Duration TimeLedger::*;
  explicit Stopwatch(TimePoint started) noexcept : since_(started) {}

  Part running() const noexcept { return part_; }
  /// `part` runs from now on.
  void enter(Part part, TimePoint now) noexcept {
    charge(part_, now);
    part_ = part;
  }
  /// What runs turns out to be `part`, from its beginning.
  void rename(Part part) noexcept { part_ = part; }
  /// The wait for this connection ends: what of it went into opening counts as that.
  void connected(const pool::Opening& opening, TimePoint now) noexcept {
    if (part_ != &TimeLedger::queue) return;
    charge(&TimeLedger::queue, opening.began);
    charge(&TimeLedger::dns, std::min(opening.resolved, now));
    charge(&TimeLedger::connect, std::min(opening.connected, now));
    charge(&TimeLedger::tls, std::min(opening.ready, now));
  }
  const TimeLedger& stop(TimePoint now) noexcept {
    charge(part_, now);
    return ledger_;
  }

 private:
  void charge(Part part, TimePoint until) noexcept {
    if (until <= since_) return;
    ledger_.*part += until - since_;
    since_ = until;
  }

  TimeLedger ledger_;
  TimePoint since_;
  Part part_ = &TimeLedger::local;
};

}  // namespace callerapi::policy
