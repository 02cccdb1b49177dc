#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "bench.hpp"
#include "callerapi/version.hpp"
#include "commands.hpp"
#include "demo.hpp"
#include "plugin.hpp"
#include "usage.hpp"

namespace {

using callerapi::cli::CallArguments;
using callerapi::cli::Common;

constexpr const char* trace_text = "append the spans of calls to this file, as lines of OTLP JSON";

/// For options that mean nothing when they are empty, as after a variable that is not set.
std::string filled(const std::string& value) {
  return value.empty() ? "must not be empty" : std::string();
}

void add_request_options(CLI::App& command, CallArguments& arguments) {
  command.add_option("--query", arguments.queries, "name=value, repeatable");
  command.add_option("--header", arguments.headers, "'Name: value', repeatable");
  auto* const json = command.add_option("--json", arguments.json, "body of JSON text, or @file");
  command.add_option("--form", arguments.forms, "name=value, repeatable")->excludes(json);
  command.add_option("--file", arguments.files, "field=@path, repeatable: multipart")
      ->excludes(json);
  command.add_option("--timeout", arguments.timeout, "for the whole call: 500ms, 2s");
  command
      .add_option("--hash-key", arguments.hash_key, "the same key, the same instance: ring_hash")
      ->check(filled);
  command
      .add_option("--output", arguments.output,
                  "body, json, or explain and explain-json: settings and what happened")
      ->check(CLI::IsMember({"body", "json", "explain", "explain-json"}));
  auto* const dry =
      command.add_flag("--dry-run", arguments.dry_run,
                       "send nothing; show the head that would go out, secrets hidden");
  command.add_option("--trace", arguments.trace, trace_text)->excludes(dry)->check(filled);
}

void add_metrics_command(CLI::App& command, const Common& common, int& code) {
  const auto answers = std::make_shared<std::string>();
  command.add_option(
      "answers", *answers,
      "file with answers of a running `callerapi pipe` to its op metrics, or -; else "
      "the registry is opened and says what opening it came to");
  command.callback([&common, &code, answers] { code = run_metrics(common, *answers); });
}

void add_pipe_command(CLI::App& command, const Common& common, int& code) {
  const auto concurrency = std::make_shared<std::size_t>(256);
  command.add_option("--concurrency", *concurrency, "calls in flight at most")
      ->check(CLI::Range(1, 100'000));
  const auto trace = std::make_shared<std::string>();
  command.add_option("--trace", *trace, trace_text)->check(filled);
  command.callback(
      [&common, &code, concurrency, trace] { code = run_pipe(common, *concurrency, *trace); });
}

/// CALLERAPI_REGISTRY; empty: not set.
std::string registry_variable() {
  const char* value = std::getenv("CALLERAPI_REGISTRY");
  return value == nullptr ? std::string() : value;
}

/// The exit code, unless what was printed did not arrive.
int finish(int code) {
  std::cout.flush();
  if (std::cout.good() && std::fflush(stdout) == 0) return code;
  std::cerr << "callerapi: standard output was not written to its end; is its disk full, or its "
               "reader gone?\n";
  return code == 0 ? 1 : code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Call the services of a registry.", "callerapi");
  app.set_version_flag("--version", std::string("callerapi ") + callerapi::version_string);
  app.require_subcommand(1);
  app.fallthrough();
  Common common;
  const std::string named = registry_variable();
  common.registry = named.empty() ? "registry.toml" : named;
  app.add_option("--registry", common.registry,
                 "the registry; else CALLERAPI_REGISTRY, else ./registry.toml");

  int code = 0;
  CallArguments arguments;
  std::string service, endpoint;
  const auto listing = [&](const char* name, const char* text) {
    CLI::App* command = app.add_subcommand(name, text);
    command->add_flag("--json", common.json, "one JSON object instead of a table");
    return command;
  };
  listing("services", "what is registered, from which plugin and version")->callback([&] {
    code = run_services(common);
  });
  auto* endpoints = listing("endpoints", "the endpoints of one service");
  endpoints->add_option("service", service)->required();
  endpoints->callback([&] { code = run_endpoints(common, service); });
  auto* explain = listing("explain", "effective settings and where each comes from");
  explain->add_option("service", service)->required();
  explain->add_option("endpoint", endpoint);
  explain->callback([&] { code = run_explain(common, service, endpoint); });
  auto* lint = listing("lint", "check a registry without calling anyone");
  lint->add_option("registry", common.registry);
  lint->callback([&] { code = run_lint(common); });
  add_metrics_command(*listing("metrics", "what is measured, in the text of Prometheus"), common,
                      code);

  auto* call = app.add_subcommand("call", "call one endpoint by name");
  call->add_option("service", arguments.service)->required();
  call->add_option("endpoint", arguments.endpoint)->required();
  call->add_option("--param", arguments.params, "name=value of the path, repeatable");
  add_request_options(*call, arguments);
  call->callback([&] { code = run_call(common, arguments); });
  auto* request =
      app.add_subcommand("request", "one ad-hoc request through a service's engine and policy");
  request->add_option("service", arguments.service)->required();
  request->add_option("method", arguments.method)->required();
  request->add_option("path", arguments.path)->required();
  add_request_options(*request, arguments);
  request->callback([&] { code = run_call(common, arguments); });
  add_pipe_command(*app.add_subcommand("pipe", "JSON lines in, JSON lines out"), common, code);
  callerapi::cli::add_bench_command(app, common, code);
  callerapi::cli::add_plugin_commands(app, common, code);
  callerapi::cli::DemoOptions demo_options;
  auto* demo = listing("demo", "the document platform on this machine, end to end");
  demo->add_option("path", demo_options.path, "a file or folder to read");
  demo->callback([&] {
    demo_options.json = common.json;
    // A registry of one's own knows nothing of the platform, unless it was named for it.
    if (!named.empty() || app.count("--registry") > 0) demo_options.registry = common.registry;
    code = run_demo(demo_options);
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return finish(callerapi::cli::report_usage(app, e));
  }
  return finish(code);
}
