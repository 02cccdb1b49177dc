#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/exchange.hpp"

namespace service {

/// What every service is started with.
struct Arguments {
  std::uint16_t port = 0;  ///< 0: the system picks one.
  std::string data;        ///< A folder of the service's own; made if missing.
  /// End when standard input ends: a service so started never outlives whoever holds the pipe.
  bool until_eof = false;
};

/// One operation: `pattern` is a path with `{holes}`, each matching one non-empty segment.
struct Route {
  std::string method, pattern;
  std::function<void(Exchange&)> run;
};

/// The matched holes, or nothing.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path);

/// Reads `--port N --data DIR [--until-eof]`; on a mistake prints how to call and answers false.
bool read_arguments(int argc, char** argv, Arguments& into);

/// Serves `routes`, GET /health and GET /version on 127.0.0.1 until SIGTERM, SIGINT or, if asked,
/// the end of standard input. Prints `listening 127.0.0.1:PORT` on standard output when it is
/// ready. Routes run on up to 64 threads at once; what they throw is answered with 500.
/// Answers the exit code.
int serve(std::string_view name, std::string_view version, const Arguments& arguments,
          std::vector<Route> routes);

}  // namespace service
