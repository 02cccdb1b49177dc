#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "callerapi/deadline.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"

namespace callerapi::simulation {

/// What is known of one call: what was asked, what the services saw, what its owner was told.
struct Entry {
  std::string service, method;
  bool keyed = false, cancelled = false;
  int attempts_max = 1;
  TimePoint began{}, deadline{}, ended{};
  int results = 0;  ///< How often its owner was told.
  int status = 0;   ///< Of the answer; 0: an error.
  Outcome outcome = Outcome::internal;
  Sent sent = Sent::no;
  int attempts = 0;
  std::string reason, body;
  int heads = 0;             ///< Requests of it whose head reached a service,
  int arrivals = 0;          ///< and that arrived whole.
  std::vector<int> answers;  ///< Statuses that a service sent whole.
};

/// Every call of one history, both sides (the ledger of the tests).
class Ledger {
 public:
  std::vector<Entry> calls;
  std::vector<std::string> breaches;  ///< Of rules that are seen while it runs.

  void told(std::size_t call, Result<Response> result, TimePoint now);
  /// Every rule that this history broke, one line each; empty: none.
  std::vector<std::string> check(TimePoint end) const;
};

/// What a whole answer to that call holds.
std::string body_of(std::size_t call);

}  // namespace callerapi::simulation
