#include "simulation/ledger.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

// A timer fires at the first millisecond that is not before its time.
constexpr Duration tick = 1ms;

bool may_repeat(const Entry& call) { return call.method != "POST" || call.keyed; }

std::string rule_of_ending(const Entry& call, TimePoint end) {
  if (call.results == 0) return "was never told its result";
  if (call.results > 1) return "was told its result " + std::to_string(call.results) + " times";
  if (call.ended > call.deadline + tick && call.deadline < end)
    return "ended " + std::to_string((call.ended - call.deadline).count()) +
           " ns after its deadline";
  return {};
}

std::string rule_of_arrivals(const Entry& call) {
  const std::string arrived = std::to_string(call.arrivals) + " times";
  if (!may_repeat(call) && call.arrivals > 1) return "a POST arrived " + arrived;
  // Two transparent retries stand beside the counted ones.
  if (call.arrivals > call.attempts_max + 2)
    return "arrived " + arrived + ", " + std::to_string(call.attempts_max) + " attempts allowed";
  if (call.status == 0 && call.sent == Sent::no && call.heads > 0 && !may_repeat(call))
    return "ended with sent=no, and a service has seen it";
  return {};
}

std::string rule_of_answer(const Entry& call, std::size_t number) {
  if (call.status == 0) return {};
  if (std::ranges::find(call.answers, call.status) == call.answers.end())
    return "was told status " + std::to_string(call.status) + ", which no service sent it";
  if (call.status == 200 && call.body != body_of(number))
    return "was told a body that is not its own";
  return {};
}

}  // namespace

std::string body_of(std::size_t call) {
  std::string body = "call " + std::to_string(call) + ":";
  body.append(call * 37 % 3000, static_cast<char>('a' + call % 26));
  return body;
}

void Ledger::told(std::size_t call, Result<Response> result, TimePoint now) {
  Entry& entry = calls[call];
  ++entry.results;
  entry.ended = now;
  if (result) {
    entry.status = result->status;
    entry.attempts = result->attempts;
    entry.body = std::move(result->body);
  } else {
    entry.outcome = result.error().outcome;
    entry.sent = result.error().sent;
    entry.attempts = result.error().attempts;
    entry.reason = result.error().reason;
  }
}

std::vector<std::string> Ledger::check(TimePoint end) const {
  std::vector<std::string> all = breaches;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Entry& call = calls[i];
    for (std::string broken :
         {rule_of_ending(call, end), rule_of_arrivals(call), rule_of_answer(call, i)})
      if (!broken.empty())
        all.push_back("call " + std::to_string(i) + " (" + call.method + " to " + call.service +
                      ", " + std::string(name(call.outcome)) + "/" + call.reason + ", " +
                      std::to_string(call.attempts) +
                      " attempts, sent=" + std::string(name(call.sent)) + "): " + broken);
  }
  return all;
}

}  // namespace callerapi::simulation
