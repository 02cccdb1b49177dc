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
class CALLERAPI_API Caller {
 public:
  /// Errors: `registry_invalid` (file:line:column, key, what would be right) or `plugin_rejected`
  /// (file, wanted, found).
  static Result<Caller> open(const std::string& registry_path, Options options = {});
  /// The same from text instead of a file; relative paths start at the working directory.
  static Result<Caller> from_toml(std::string_view text, Options options = {});
  /// The same for tests: every attempt is answered by `transport`, nothing touches the network.
  static Result<Caller> from_toml(std::string_view text,
                                  std::shared_ptr<testing::Transport> transport);

  /// Every fault of a registry file, without loading a plugin or calling anyone; empty: sound.
  static std::vector<Error> lint(const std::string& registry_path);

  Caller(Caller&&) noexcept;
  Caller& operator=(Caller&&) noexcept;
  ~Caller();

  /// Calls an endpoint by name and blocks for the answer. A complete response is a value whatever
  /// its status; an Error means there is none.
  Result<Response> call(std::string_view service, std::string_view endpoint, Request request = {});
  /// The same without blocking.
  Call<Response> start(std::string_view service, std::string_view endpoint, Request request = {});

  /// An ad-hoc request through the service's engine, policy and pool. `path` is sent as given,
  /// after the service's base_url path; it is validated, not encoded.
  Result<Response> request(std::string_view service, std::string_view method, std::string_view path,
                           Request request = {});
  Call<Response> start_request(std::string_view service, std::string_view method,
                               std::string_view path, Request request = {});

  /// As call() and request(), for a body that is read as it comes: blocks for the head alone. The
  /// request's own body must be in memory.
  Result<BodyStream> open_stream(std::string_view service, std::string_view endpoint,
                                 Request request = {});
  Result<BodyStream> request_stream(std::string_view service, std::string_view method,
                                    std::string_view path, Request request = {});
  /// The same without blocking.
  Call<BodyStream> start_stream(std::string_view service, std::string_view endpoint,
                                Request request = {});

  /// Reads the registry again and applies what changed; all or nothing. Serialised.
  Result<ReloadReport> reload();
  /// The last 20 reloads, refused ones included, the latest last. Opening is none.
  std::vector<ReloadRecord> reloads() const;

  std::vector<ServiceInfo> services() const;
  Result<std::vector<EndpointInfo>> endpoints(std::string_view service) const;
  /// Effective settings with their origins; `endpoint` may be empty for the service's own.
  Result<std::vector<SettingInfo>> explain(std::string_view service,
                                           std::string_view endpoint) const;
  Stats stats() const;
  /// The last 128 calls that failed, were retried or asked twice at once, or asked for a record;
  /// the oldest first. Many that succeeded push out only half of those that failed.
  std::vector<std::shared_ptr<const CallRecord>> recent_calls() const;
  /// Every measurement in the text format of Prometheus, docs/reference/metrics.md. Not cheap;
  /// meant to be asked every few seconds.
  std::string metrics_text() const;

  /// Ends the Caller early: waits up to `drain` for calls in flight, then cancels the rest with
  /// `shutdown`. Later calls answer `shutdown`. From a completion on the loop itself it waits for
  /// nothing.
  void shutdown(Duration drain);

  /// For Client<Contract>: checks `contract` against the loaded plugin, then starts or runs.
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
