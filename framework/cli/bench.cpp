// The command `bench`: what calls cost this process, and how long they take, under a closed loop.
#include "bench.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <limits>
#include <memory>
#include <utility>

#include "bench_load.hpp"
#include "commands.hpp"

namespace callerapi::cli {
namespace {

constexpr std::uint64_t requests_max = 1'000'000'000'000;
constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

struct Arguments {
  CallArguments call;
  std::string duration = "10s";
  std::uint64_t requests = 0, warmup = 0, expect_bytes = 0;
  std::size_t concurrency = 8, threads = 1;
  bool sync = false, discard = false, expects = false;
};

/// Processor time of this process so far.
struct Processor {
  double user_us = 0, all_us = 0;

  static Processor used() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto us = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
    };
    return {us(usage.ru_utime), us(usage.ru_utime) + us(usage.ru_stime)};
  }
};

struct Figures {
  std::uint64_t calls = 0, errors = 0;
  double seconds = 0, calls_per_second = 0, cpu_us = 0, user_us = 0, p50_us = 0, p99_us = 0;
};

double us(Duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

Error usage(std::string text) {
  return {.outcome = Outcome::invalid_argument, .reason = "usage", .message = std::move(text)};
}

/// GET, PURGE: no endpoint is named like that.
bool is_method(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
}

Result<LoadPlan> plan_of(const Arguments& arguments) {
  if (arguments.call.path.empty() && is_method(arguments.call.endpoint))
    return usage("bench: the method " + arguments.call.endpoint +
                 " needs a path behind it: bench " + arguments.call.service + " " +
                 arguments.call.endpoint + " /; or name an endpoint");
  auto request = make_request(arguments.call);
  if (!request) return std::move(request).error();
  LoadPlan plan;
  plan.service = arguments.call.service;
  plan.endpoint = arguments.call.endpoint;
  plan.method = arguments.call.method;
  plan.path = arguments.call.path;
  plan.request = std::move(*request);
  plan.sync = arguments.sync;
  plan.lanes = arguments.sync ? arguments.threads : arguments.concurrency;
  plan.discard = arguments.discard;
  if (arguments.expects) plan.body_bytes = arguments.expect_bytes;
  return plan;
}

/// Waits for the end and, on a terminal, says twice a second how far it is.
void watch(Load& load, TimePoint began) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  while (!load.wait(std::chrono::milliseconds(500))) {
    if (!terminal) continue;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const auto calls = load.ended();
    std::fprintf(stderr, "\r\033[K%.1f s  %llu calls  %.0f a second  %llu errors", seconds,
                 static_cast<unsigned long long>(calls), static_cast<double>(calls) / seconds,
                 static_cast<unsigned long long>(load.errors()));
  }
  if (terminal) std::fputs("\r\033[K", stderr);
}

Figures measure(Load& load, std::uint64_t requests, Duration duration) {
  const TimePoint began = std::chrono::steady_clock::now();
  const Processor before = Processor::used();
  load.begin(requests > 0 ? requests : no_limit, requests > 0 ? no_deadline : began + duration);
  watch(load, began);
  const Processor after = Processor::used();
  Figures out{.calls = load.ended(), .errors = load.errors()};
  const double calls = std::max(1.0, static_cast<double>(out.calls));
  out.seconds = std::chrono::duration<double>(load.last_end() - began).count();
  out.calls_per_second = static_cast<double>(out.calls) / out.seconds;
  out.cpu_us = (after.all_us - before.all_us) / calls;
  out.user_us = (after.user_us - before.user_us) / calls;
  out.p50_us = us(load.latencies().at(0.50));
  out.p99_us = us(load.latencies().at(0.99));
  return out;
}

void print_json(const Figures& figures, const LoadPlan& plan, const Stats& stats) {
  json::Writer out;
  out.begin_object()
      .member("schema", "callerapi.bench/1")
      .member("face", plan.sync ? "sync" : "async")
      .member("in_flight", plan.lanes)
      .member("calls", figures.calls)
      .member("errors", figures.errors)
      .member("seconds", figures.seconds)
      .member("calls_per_second", figures.calls_per_second)
      .member("cpu_us_per_call", figures.cpu_us)
      .member("user_us_per_call", figures.user_us)
      .member("p50_us", figures.p50_us)
      .member("p99_us", figures.p99_us)
      .member("connections_opened", stats.connections_opened)
      .member("retries", stats.retries)
      .end_object();
  std::cout << out.text() << '\n';
}

std::string number(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

void print_rows(const Figures& figures, const LoadPlan& plan, const Stats& stats) {
  print_table(
      {{"MEASURED", "VALUE"},
       {"calls", std::to_string(figures.calls) + " in " + number(figures.seconds, 2) + " s"},
       {"in flight", std::to_string(plan.lanes) + (plan.sync ? " blocking" : "")},
       {"wrong or failed", std::to_string(figures.errors)},
       {"calls a second", number(figures.calls_per_second, 0)},
       {"processor time of a call", number(figures.cpu_us, 2) + " us"},
       {"of it outside the kernel", number(figures.user_us, 2) + " us"},
       {"half of all within", number(figures.p50_us, 1) + " us"},
       {"99 of 100 within", number(figures.p99_us, 1) + " us"},
       {"connections opened", std::to_string(stats.connections_opened)},
       {"retries", std::to_string(stats.retries)}});
}

int verdict(const Load& load, const Figures& figures) {
  const auto first = load.first_error();
  if (!first) return 0;
  if (first->condition() == Condition::invalid_request) return report(*first);
  std::cerr << "callerapi: " << figures.errors << " of " << figures.calls
            << " answers were wrong or missing; the first: " << first->message << '\n';
  return 1;
}

int run(const Common& common, const Arguments& arguments) {
  auto plan = plan_of(arguments);
  if (!plan) return report(plan.error());
  auto duration = parse_duration(arguments.duration);
  if (!duration) return report(usage("--duration: " + duration.error().message));
  Options options;
  options.watch = false;
  options.executor = Executor::inline_executor();
  auto caller = open(common, std::move(options));
  if (!caller) return report(caller.error());

  Load load(*caller, *plan);
  if (arguments.warmup > 0) {
    const Figures figures = measure(load, arguments.warmup, {});
    if (figures.errors > 0) return verdict(load, figures);
  }
  const Figures figures = measure(load, arguments.requests, *duration);
  const int code = verdict(load, figures);
  if (code == exit_code({.outcome = Outcome::invalid_argument})) return code;
  common.json ? print_json(figures, *plan, caller->stats())
              : print_rows(figures, *plan, caller->stats());
  return code;
}

void add_request(CLI::App& bench, Arguments& arguments) {
  bench.add_option("service", arguments.call.service)->required();
  bench.add_option("endpoint", arguments.call.endpoint, "by name; or a METHOD before a path")
      ->required();
  bench.add_option("path", arguments.call.path);
  bench.add_option("--param", arguments.call.params, "name=value of the path, repeatable");
  bench.add_option("--query", arguments.call.queries, "name=value, repeatable");
  bench.add_option("--header", arguments.call.headers, "'Name: value', repeatable");
  auto* const form = bench.add_option("--form", arguments.call.forms, "name=value, repeatable");
  arguments.call.json_option = "--body";
  bench.add_option("--body", arguments.call.json, "body of JSON text, or @file")->excludes(form);
  bench.add_option("--timeout", arguments.call.timeout, "for each call: 500ms, 2s");
}

}  // namespace

void add_bench_command(CLI::App& app, Common& common, int& code) {
  auto* bench = app.add_subcommand("bench", "calls in a closed loop: what they cost and take");
  const auto arguments = std::make_shared<Arguments>();
  add_request(*bench, *arguments);
  auto* requests = bench->add_option("--requests", arguments->requests, "calls in all")
                       ->check(CLI::Range(std::uint64_t{1}, requests_max));
  bench->add_option("--duration", arguments->duration, "in place of --requests: 10s")
      ->excludes(requests);
  auto* concurrency = bench->add_option("--concurrency", arguments->concurrency, "calls in flight")
                          ->check(CLI::Range(1, 100'000));
  auto* sync = bench->add_flag("--sync", arguments->sync, "blocking calls, each thread one");
  sync->excludes(concurrency);
  bench->add_option("--threads", arguments->threads, "of --sync")
      ->needs(sync)
      ->check(CLI::Range(1, 10'000));
  bench->add_option("--warmup", arguments->warmup, "calls before the clock starts");
  bench->add_flag("--discard", arguments->discard, "count the bytes of a body, keep none");
  auto* expect = bench->add_option("--expect-bytes", arguments->expect_bytes,
                                   "an answer with a body of another length is wrong");
  bench->add_flag("--json", common.json, "one JSON object instead of a table");
  bench->callback([&common, &code, arguments, expect] {
    arguments->expects = expect->count() > 0;
    if (!arguments->call.path.empty())
      arguments->call.method = std::exchange(arguments->call.endpoint, {});
    code = run(common, *arguments);
  });
}

}  // namespace callerapi::cli
