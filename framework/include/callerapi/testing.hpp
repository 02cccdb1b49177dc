#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/export.hpp"
#include "callerapi/fake_host.hpp"
#include "callerapi/headers.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"

/// For tests: a plugin's hooks without a host (fake_host.hpp, the SDK alone), and, for those who
/// link the library, calls answered without a network.
namespace callerapi::testing {

/// One attempt, as it would have gone out. A value.
struct SeenRequest {
  std::string service;
  std::string endpoint;  ///< Its name; for an ad-hoc request "METHOD /path".
  std::string method;
  std::string target;  ///< Path and query, encoded.
  Headers headers;     ///< Every field of the head, those of the engine and of the plugin included.
  std::string body;    ///< The whole body, a streamed one too.
  int attempt = 1;     ///< 2 and more: a retry.
};

/// Stands in for connections and services: what an attempt comes to. Everything above stays real:
/// plugins and their hooks, parameters, retries, deadlines between attempts, decoding.
///
/// answer() is called on the thread that drives the call, the reactor's or a blocking caller's,
/// concurrently; what it throws ends the call with `internal`. An Error is judged as if the network
/// had brought it: set `sent` to say whether the service may have seen the request.
class CALLERAPI_API Transport {
 public:
  virtual ~Transport();
  /// `request` is borrowed for the call.
  virtual Result<Response> answer(const SeenRequest& request) = 0;
};

/// Answers by service and endpoint, and remembers what it was asked. An attempt that nothing was
/// scripted for ends its call with `invalid_argument`, reason `unexpected_request`, and is listed
/// in unexpected(). Thread-safe.
///
///   auto billing = std::make_shared<ScriptedTransport>();
///   billing->on("billing", "get_invoice", json_response(R"({"id":"42"})"));
///   auto caller = Caller::from_toml(registry_text, billing).value();
class CALLERAPI_API ScriptedTransport final : public Transport {
 public:
  using Answer = std::function<Result<Response>(const SeenRequest&)>;
  ScriptedTransport();
  ~ScriptedTransport() override;

  /// Every attempt at that endpoint, until on() is called for it again.
  ScriptedTransport& on(std::string_view service, std::string_view endpoint, Answer answer);
  ScriptedTransport& on(std::string_view service, std::string_view endpoint, Response response);
  /// The next attempt only; several stand in line, and all of them before what on() says.
  ScriptedTransport& once(std::string_view service, std::string_view endpoint,
                          Result<Response> answer);

  /// For the library.
  Result<Response> answer(const SeenRequest& request) override;

  /// Every attempt so far, in order.
  std::vector<SeenRequest> requests() const;
  /// "billing.cancel" for each attempt that nothing was scripted for.
  std::vector<std::string> unexpected() const;
  /// "billing.get_invoice" for each once() that was never asked for.
  std::vector<std::string> unused() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A response of application/json.
CALLERAPI_API Response json_response(std::string text, int status = 200);
/// A failure of the network: `failure(Outcome::connection_reset, Sent::maybe)`.
CALLERAPI_API Error failure(Outcome outcome, Sent sent);

}  // namespace callerapi::testing
