#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "simulation/ledger.hpp"
#include "simulation/network.hpp"

namespace callerapi::simulation {

/// How often an instance misbehaves, out of 1,000 requests, and how long it works on one.
struct Manners {
  std::uint64_t unavailable = 0, server_error = 0, throttled = 0;
  std::uint64_t cut_request = 0;   ///< Resets while the request is still coming.
  std::uint64_t no_answer = 0;     ///< Resets or closes after the request, without a byte.
  std::uint64_t cut_answer = 0;    ///< Ends the connection in the middle of the answer.
  std::uint64_t silent = 0;        ///< Keeps the connection, says nothing.
  std::uint64_t gibberish = 0;     ///< Answers what is no HTTP.
  std::uint64_t excess = 0;        ///< Sends another, unasked answer behind the right one.
  std::uint64_t leaves_after = 0;  ///< Closes the connection shortly after an answer.
  Duration work_max = std::chrono::milliseconds(20);
};

/// The service's end of one connection: reads requests, notes them in the ledger, answers by its
/// manners, which may change between two requests.
std::unique_ptr<Peer> make_service(std::shared_ptr<const Manners> manners, Ledger& ledger);

}  // namespace callerapi::simulation
