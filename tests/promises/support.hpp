#pragma once

#include <string>
#include <utility>

#include "callerapi/caller.hpp"
#include "support/raw_server.hpp"
#include "support/static_plugin.hpp"

// What the promise tests share: one service, `echo`, and both drivers of a call.
namespace callerapi::promises {

inline Caller caller_of(const std::string& url, const std::string& more = "") {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  return Caller::from_toml(
             "schema = 1\n[defaults.retry]\nbase = \"1ms\"\nthrottle_base = \"1ms\"\n"
             "[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                 url + "\"\n" + more,
             std::move(options))
      .value();
}

/// The two ways a call is driven: on the calling thread, and on the loop.
enum class Driver { blocking, loop };

inline Result<Response> call(Caller& caller, Driver driver, std::string_view endpoint,
                             Request request) {
  return driver == Driver::blocking ? caller.call("echo", endpoint, std::move(request))
                                    : caller.start("echo", endpoint, std::move(request)).get();
}
inline Result<Response> request(Caller& caller, Driver driver, std::string_view method,
                                std::string_view path, Request request = {}) {
  return driver == Driver::blocking
             ? caller.request("echo", method, path, std::move(request))
             : caller.start_request("echo", method, path, std::move(request)).get();
}

}  // namespace callerapi::promises
