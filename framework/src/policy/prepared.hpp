#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "callerapi/body.hpp"
#include "callerapi/context.hpp"
#include "callerapi/request.hpp"
#include "callerapi/result.hpp"
#include "policy/endpoint.hpp"
#include "policy/meter.hpp"
#include "policy/settings.hpp"
#include "policy/stream_pipe.hpp"
#include "policy/uuid.hpp"
#include "wire/loop.hpp"
#include "wire/uri_template.hpp"

namespace callerapi::policy {

struct TracedCall;

/// What a request needs to know of its service. Views live as long as the service's node.
struct ServiceView {
  std::string_view name;
  std::string_view scheme;       ///< "http", "https" or "unix".
  std::string_view authority;    ///< For Host: "billing.svc:8080".
  std::string_view path_prefix;  ///< Path of base_url, without trailing slash.
  std::string_view user_agent;   ///< "callerapi/0.1.0 billing/2.3.1".
  std::string_view caller_name;  ///< Sent as Caller-Name; may be empty.
};

/// A request that was checked and built once; each attempt adds its own headers. Its views and its
/// settings are those of the service's node, which must outlive it.
struct Prepared {
  std::string_view service, endpoint;  ///< The latter empty for an ad-hoc request.
  std::string_view authority;
  std::string method, target;
  Headers headers;
  std::string body;                    ///< In memory, or
  std::shared_ptr<BodySource> source;  ///< streamed; never of two requests at once.
  bool has_body = false;
  std::shared_ptr<BodySink> sink;
  std::shared_ptr<StreamPipe> stream;       ///< Takes such a body piece by piece instead.
  TimePoint stream_deadline = no_deadline;  ///< Given by the caller, not derived from timeouts.
  bool decode = false;  ///< Accept-Encoding is the engine's own, so codings are undone.
  bool may_repeat = false;
  EndpointMeter* meter = nullptr;  ///< Lives as long as the state of the service.
  bool explain = false;            ///< Keep a record even of success.
  const Settings* settings = nullptr;
  int attempts_max = 1;
  Context context;                              ///< Lent by the inbound request.
  bool own_trace = false, own_baggage = false;  ///< The request brought these fields itself,
  bool own_attempt_headers = false;             ///< or others that each attempt sets.
  Uuid id{};                                    ///< Sent as Caller-Call-Id.
  std::optional<std::uint64_t> hash;            ///< Of what keeps it at one instance.
  TimePoint started{}, deadline{};
  TimePoint dark_deadline = no_deadline;  ///< Would have ended the call, but only counts.
  std::string_view deadline_from;         ///< Which of its limits is the nearest: "timeouts.total".
  Duration total{};
  Duration attempt{};
  std::shared_ptr<const TracedCall> traced;  ///< Null: nobody is told of its spans.

  /// Must it run on a thread that may block?
  bool blocking() const noexcept { return source != nullptr || sink != nullptr; }
  /// "billing.get_invoice" or, ad hoc, "billing GET": the beginning of every message.
  std::string where() const;
};

/// An error of this call with `where` in front of its text.
Error call_error(std::string_view where, Outcome outcome, std::string reason, std::string text);

/// Checks `request` against a declared endpoint and takes it apart into `call`, a new one. Errors:
/// `invalid_argument`, `body_source_error`.
Result<void> prepare(Prepared& call, const ServiceView& service, const Endpoint& endpoint,
                     const wire::UriTemplate& path, const Settings& settings, Request& request,
                     wire::Loop& loop);

/// The same for an ad-hoc request: `path` is sent as given, after validation.
Result<void> prepare_ad_hoc(Prepared& call, const ServiceView& service, std::string_view method,
                            std::string_view path, const Settings& settings, Request& request,
                            wire::Loop& loop);

}  // namespace callerapi::policy
