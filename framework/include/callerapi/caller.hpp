#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/call.hpp"
#include "callerapi/deadline.hpp"
#include "callerapi/explain.hpp"
#include "callerapi/export.hpp"
#include "callerapi/options.hpp"
#include "callerapi/request.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"
#include "callerapi/stats.hpp"
#include "callerapi/stream.hpp"

namespace callerapi {

namespace caller {
class Host;
}

/// The services of one registry, ready to be called.
///
/// Opening reads the registry, loads one plugin per service and starts one reactor thread; from
/// then on the registry file is watched and changes apply without disturbing calls in flight.
/// Thread-safe: share one Caller in the whole process. Move-only; the destructor ends every call
/// with `shutdown` and joins its threads. After fork() the child's copy answers `forked`.
///
/// What a call can answer, by whichever function it is made (docs/reference/outcomes.md has the
/// whole table, and what each means for repeating it):
/// - nothing was sent: `unknown_service`, `unknown_endpoint`, `contract_mismatch` (typed calls),
///   `invalid_argument` (naming the parameter, header or body at fault), `forked`; a limit of this
///   process: `bulkhead_full`, `rate_limited_local`, `circuit_open`, `queue_full`, `pool_timeout`,
///   `resource_exhausted`; no way there: `no_instance`, `dns_error`, `connect_error`,
///   `connect_timeout`, `tls_error`, `tls_verify_failed`, `auth_error`;
/// - Error::sent tells: `stale_connection`, `connection_reset`, `response_truncated`,
///   `protocol_error`, `attempt_timeout`, `deadline_exceeded`, `cancelled`, `response_too_large`,
///   `body_source_error`, `plugin_error`, `unloaded`, `shutdown`, `internal`.
class CALLERAPI_API Caller {
 public:
  /// Opens a registry file; blocks while it is read, plugins are tried and their create() runs.
  /// Errors: `registry_invalid` (file:line:column, key, what would be right); `plugin_rejected`
  /// (file, wanted, found; codes in docs/reference/plugin_errors.md); `resource_exhausted`.
  static Result<Caller> open(const std::string& registry_path, Options options = {});
  /// The same from text instead of a file; relative paths start at the working directory. Nothing
  /// is watched, and reload() reads the same text again.
  static Result<Caller> from_toml(std::string_view text, Options options = {});
  /// The same for tests: every attempt is answered by `transport`, nothing touches the network.
  static Result<Caller> from_toml(std::string_view text,
                                  std::shared_ptr<testing::Transport> transport);

  /// Every fault of a registry file, in the order of the file, without loading a plugin or calling
  /// anyone; empty: sound. Blocks while files are read. Each is `registry_invalid`.
  static std::vector<Error> lint(const std::string& registry_path);

  /// What is moved from may be destroyed or assigned to, nothing else.
  Caller(Caller&&) noexcept;
  Caller& operator=(Caller&&) noexcept;
  /// Ends calls with `shutdown` and joins; not from a callback of this Caller's own.
  ~Caller();

  /// Calls an endpoint by name and blocks for the answer, at most until the deadline of the call. A
  /// complete response is a value whatever its status; an Error means there is none. Names are
  /// borrowed for the call; the request is consumed. Errors: those above; `invalid_argument`,
  /// reason `would_deadlock`, on the reactor's own thread.
  Result<Response> call(std::string_view service, std::string_view endpoint, Request request = {});
  /// The same without blocking; the handle answers the same errors, those of the argument too.
  Call<Response> start(std::string_view service, std::string_view endpoint, Request request = {});

  /// An ad-hoc request through the service's engine, policy and pool. `method` is an HTTP token,
  /// upper case; `path` begins with '/' and may have a query: it is sent as given, after the
  /// service's base_url path; validated, not encoded. Blocks, and errors, as call().
  Result<Response> request(std::string_view service, std::string_view method, std::string_view path,
                           Request request = {});
  /// The same without blocking.
  Call<Response> start_request(std::string_view service, std::string_view method,
                               std::string_view path, Request request = {});

  /// As call() and request(), for a body that is read as it comes: blocks for the head alone. The
  /// request's own body must be in memory, and it has no sink: else `invalid_argument`. What breaks
  /// later is answered by the stream's reads.
  Result<BodyStream> open_stream(std::string_view service, std::string_view endpoint,
                                 Request request = {});
  Result<BodyStream> request_stream(std::string_view service, std::string_view method,
                                    std::string_view path, Request request = {});
  /// The same without blocking.
  Call<BodyStream> start_stream(std::string_view service, std::string_view endpoint,
                                Request request = {});

  /// Reads the registry again and applies what changed; all or nothing, one at a time. Blocks as
  /// open() does; calls go on meanwhile. Errors: those of open(), after which everything is as it
  /// was; `forked`. Not from a hook or the reactor's thread.
  Result<ReloadReport> reload();
  /// The last 20 reloads, refused ones included, the latest last. Opening is none.
  std::vector<ReloadRecord> reloads() const;

  /// What is registered now, by name. A copy; never fails, nor do those below without a Result.
  std::vector<ServiceInfo> services() const;
  /// What a service declares, by name. Errors: `unknown_service`, naming the nearest.
  Result<std::vector<EndpointInfo>> endpoints(std::string_view service) const;
  /// Effective settings with their origins; `endpoint` may be empty for the service's own. Errors:
  /// `unknown_service`, `unknown_endpoint`, naming the nearest.
  Result<std::vector<SettingInfo>> explain(std::string_view service,
                                           std::string_view endpoint) const;
  /// Counters and gauges; each is exact, all together are of about one moment.
  Stats stats() const;
  /// The last 128 calls that failed, were retried or asked twice at once, or asked for a record;
  /// the oldest first. Many that succeeded push out only half of those that failed.
  std::vector<std::shared_ptr<const CallRecord>> recent_calls() const;
  /// Every measurement in the text format of Prometheus, docs/reference/metrics.md. Not cheap;
  /// meant to be asked every few seconds.
  std::string metrics_text() const;

  /// Ends the Caller early: blocks up to `drain` (0 and more) for calls in flight, then cancels the
  /// rest with `shutdown`. Later calls answer `shutdown`. From a completion on the loop itself it
  /// waits for nothing. Again: no effect.
  void shutdown(Duration drain);

  /// For Client<Contract>: checks `contract`, which must stay valid until the function returns,
  /// against the loaded plugin (`contract_mismatch`, naming the first difference), then starts or
  /// runs as above. A stream of a status of 400 and more is `http_status`.
  Call<Response> start_typed(std::string_view service, const capi_endpoint& contract,
                             Request request);
  Result<Response> call_typed(std::string_view service, const capi_endpoint& contract,
                              Request request);
  Call<BodyStream> start_stream_typed(std::string_view service, const capi_endpoint& contract,
                                      Request request);

 private:
  explicit Caller(std::shared_ptr<caller::Host> host);
  std::shared_ptr<caller::Host> host_;
};

}  // namespace callerapi
