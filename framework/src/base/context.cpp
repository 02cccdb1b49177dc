#include "callerapi/context.hpp"

#include <algorithm>

#include "base/inbound.hpp"
#include "base/limits.hpp"

namespace callerapi {
namespace {

std::atomic<std::uint64_t> ignored_so_far{0};

struct TimeoutField {
  std::string_view name;
  std::optional<Duration> (*parse)(std::string_view) noexcept;
};
constexpr TimeoutField timeout_fields[] = {
    {"Caller-Timeout-Ms", &base::parse_timeout_ms},
    {"grpc-timeout", &base::parse_grpc_timeout},
    {"x-envoy-expected-rq-timeout-ms", &base::parse_timeout_ms},
    {"Connect-Timeout-Ms", &base::parse_timeout_ms}};

bool is_hex(std::string_view text) noexcept {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) noexcept {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

std::uint8_t hex_byte(std::string_view two) noexcept {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  return static_cast<std::uint8_t>(digit(two[0]) * 16 + digit(two[1]));
}

/// Reads one inbound request, field by field.
class Reader {
 public:
  Reader(TimePoint received, const InboundOptions& options)
      : received_(received), options_(options) {}

  void take(Headers::Field field) {
    for (const TimeoutField& timeout : timeout_fields)
      if (same_name(field.name, timeout.name)) return take_timeout(timeout, field.value);
    if (same_name(field.name, "traceparent")) return take_trace(field.value);
    if (same_name(field.name, "tracestate")) return append(state_, field.value);
    if (same_name(field.name, "baggage")) return append(baggage_, field.value);
    if (same_name(field.name, "Caller-Attempts-Left")) take_attempts(field.value);
  }

  Context finish() {
    // Two of them name two parents: neither can be trusted (W3C 3.2).
    if (traces_ > 1) trace_.reset();
    if (trace_ && !state_.empty()) {
      if (base::is_plain_field(state_, base::limits::tracestate_bytes_max))
        trace_->state = std::move(state_);
      else
        ++context_.ignored;
    }
    if (trace_) context_.trace = std::make_shared<const Trace>(std::move(*trace_));
    if (!baggage_.empty()) {
      auto kept = base::filter_baggage(baggage_, options_.baggage);
      if (!kept)
        ++context_.ignored;
      else if (!kept->empty())
        context_.baggage = std::make_shared<const std::string>(std::move(*kept));
    }
    if (attempts_)
      context_.allowance = std::make_shared<Allowance>(*attempts_);
    else if (options_.attempts_extra > 0)
      context_.allowance = std::make_shared<Allowance>(options_.attempts_extra);
    if (context_.ignored > 0)
      ignored_so_far.fetch_add(static_cast<std::uint64_t>(context_.ignored),
                               std::memory_order_relaxed);
    return std::move(context_);
  }

 private:
  void take_timeout(const TimeoutField& field, std::string_view value) {
    const auto timeout = field.parse(value);
    if (!timeout) {
      ++context_.ignored;
    } else if (const TimePoint until = received_ + *timeout; until < context_.deadline) {
      context_.deadline = until;
      context_.deadline_from = field.name;
    }
  }

  void take_trace(std::string_view value) {
    ++traces_;
    if (traces_ > 1 || !(trace_ = Trace::parse(value))) ++context_.ignored;
  }

  void take_attempts(std::string_view value) {
    // Two digits are more than any chain of services should be lent.
    const bool sound = !value.empty() && value.size() <= 2 &&
                       std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    if (!sound) {
      ++context_.ignored;
      return;
    }
    int left = 0;
    for (const char c : value) left = left * 10 + (c - '0');
    attempts_ = std::min(attempts_.value_or(left), left);
  }

  static void append(std::string& list, std::string_view value) {
    if (!list.empty()) list += ',';
    list += value;
  }

  const TimePoint received_;
  const InboundOptions& options_;
  Context context_;
  int traces_ = 0;
  std::optional<Trace> trace_;
  std::optional<int> attempts_;
  std::string state_, baggage_;
};

}  // namespace

std::uint64_t base::inbound_ignored() noexcept {
  return ignored_so_far.load(std::memory_order_relaxed);
}

bool Allowance::take() noexcept {
  int left = left_.load(std::memory_order_relaxed);
  while (left > 0)
    if (left_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return true;
  return false;
}

std::optional<Trace> Trace::parse(std::string_view text) noexcept {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  const auto trace = text.substr(3, 32), parent = text.substr(36, 16), flags = text.substr(53);
  if (!is_id(trace) || !is_id(parent) || !is_hex(flags)) return std::nullopt;
  Trace read;
  std::ranges::copy(trace, read.trace_id.begin());
  std::ranges::copy(parent, read.parent_id.begin());
  read.flags = hex_byte(flags);
  return read;
}

std::array<char, 55> Trace::traceparent(std::uint64_t span_id) const noexcept {
  constexpr char hex[] = "0123456789abcdef";
  constexpr std::uint8_t known_flags = 1;  // sampled; the others are sent as zero (W3C 3.2.2.5)
  std::array<char, 55> text;
  text[0] = text[1] = '0';
  text[2] = text[35] = text[52] = '-';
  std::ranges::copy(trace_id, text.begin() + 3);
  for (std::size_t i = 52; i-- > 36; span_id >>= 4) text[i] = hex[span_id & 15];
  text[53] = '0';
  text[54] = hex[flags & known_flags];
  return text;
}

Context Context::from_headers(const Headers& inbound, TimePoint received,
                              const InboundOptions& options) {
  Reader reader(received, options);
  for (const auto field : inbound) reader.take(field);
  return reader.finish();
}

Context Context::detached() const {
  Context context;
  context.trace = trace;
  context.baggage = baggage;
  return context;
}

}  // namespace callerapi
