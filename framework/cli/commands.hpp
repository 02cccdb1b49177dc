#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command.hpp"

namespace callerapi::cli {

/// Arguments of `call` and `request`.
struct CallArguments {
  std::string service, endpoint;  ///< `call`
  std::string method, path;       ///< `request`
  std::vector<std::string> params, queries, headers, forms, files;
  std::optional<std::string> json, timeout;
  std::string json_option = "--json";  ///< What `json` was given as.
  std::string hash_key, output = "body";
  std::string trace;  ///< File for spans; empty: none are made.
  bool dry_run = false;
};

int run_services(const Common& common);
int run_endpoints(const Common& common, const std::string& service);
int run_explain(const Common& common, const std::string& service, const std::string& endpoint);
int run_lint(const Common& common);
/// `answers`: a file with answers of a pipe, or "-"; empty: of the registry, just opened.
int run_metrics(const Common& common, const std::string& answers);
/// What the arguments describe, before it is bound to a service. Errors: `invalid_argument`.
Result<Request> make_request(const CallArguments& arguments);
int run_call(const Common& common, const CallArguments& arguments);
/// JSON lines in, JSON lines out: docs/reference/pipe.md. `trace` as of CallArguments.
int run_pipe(const Common& common, std::size_t concurrency, const std::string& trace);

}  // namespace callerapi::cli
