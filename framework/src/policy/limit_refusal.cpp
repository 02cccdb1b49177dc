#include "policy/limit_refusal.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "base/units.hpp"

namespace callerapi::policy::limit_refusal {
namespace {

std::string text(Duration time) {
  return base::format_duration(std::chrono::ceil<std::chrono::milliseconds>(time));
}

Error inflight(std::string reason, std::string message) {
  return {.outcome = Outcome::bulkhead_full,
          .reason = std::move(reason),
          .message = std::move(message),
          .phase = Phase::queue};
}

Error rate(std::string reason, std::string message) {
  return {.outcome = Outcome::rate_limited_local,
          .reason = std::move(reason),
          .message = std::move(message),
          .phase = Phase::queue};
}

std::string places(const LimitSettings& settings) {
  std::string said = std::to_string(settings.places(settings.priority)) +
                     " calls of this service are in flight, as many as ";
  const bool adaptive = settings.adaptive != Adaptive::off;
  said += adaptive ? "limits.adaptive" : "limits.inflight";
  if (adaptive && settings.priority == Priority::critical)
    return said + " finds that it can do without queueing";
  if (settings.priority == Priority::critical) return said + " allows";
  return said + " = " + std::to_string(settings.inflight) + " allows limits.priority = \"" +
         std::string(name(settings.priority)) + "\"";
}

std::string used_up(const LimitSettings& settings) {
  return "limits.rate = " + std::to_string(settings.rate) +
         " calls a second and limits.burst = " + std::to_string(settings.burst_of()) +
         " at once are used up";
}

}  // namespace

Error full(const LimitSettings& settings) {
  return inflight("inflight", places(settings) + (settings.adaptive == Adaptive::off
                                                      ? "; raise it, or make fewer calls at once"
                                                      : "; make fewer calls at once"));
}

Error limited(const LimitSettings& settings, Duration wait) {
  return rate("rate", used_up(settings) + "; the next call may begin in " + text(wait) +
                          "; raise them if the service takes more, or call less often");
}

Error queue_full(const LimitSettings& settings, bool seats) {
  const std::string wait = ", and " + std::to_string(settings.queue) +
                           " calls wait, as many as limits.queue allows; raise them, or ";
  return seats ? rate("queue_full", used_up(settings) + wait + "call less often")
               : inflight("queue_full", places(settings) + wait + "make fewer calls at once");
}

Error no_time(const LimitSettings& settings, std::int64_t ahead, Duration needs, Duration has) {
  return rate("no_time", used_up(settings) + "; with " + std::to_string(ahead) +
                             " calls before it this one could begin in " + text(needs) +
                             " and may wait " + text(has) +
                             "; raise the rate, timeouts.acquire or timeouts.total, or call less "
                             "often");
}

Error waited(const LimitSettings& settings, bool seats, Duration waited) {
  const std::string in_vain = ", and its turn did not come within " + text(waited) +
                              " (timeouts.acquire); raise one of them, or ";
  return seats ? rate("queue_wait", used_up(settings) + in_vain + "call less often")
               : inflight("queue_wait", places(settings) + in_vain + "make fewer calls at once");
}

}  // namespace callerapi::policy::limit_refusal
