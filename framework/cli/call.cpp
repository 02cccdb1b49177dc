#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <system_error>

#include "commands.hpp"
#include "explain.hpp"

namespace callerapi::cli {
namespace {

Error usage(std::string text) {
  return {.outcome = Outcome::invalid_argument, .reason = "usage", .message = std::move(text)};
}

Result<std::pair<std::string, std::string>> split(const std::string& text,
                                                  std::string_view separator, const char* form) {
  const auto at = text.find(separator);
  if (at == std::string::npos || at == 0) return usage("'" + text + "': expected " + form);
  return std::pair{text.substr(0, at), text.substr(at + separator.size())};
}

Result<void> add_pairs(const std::vector<std::string>& from, const char* form,
                       Request::Pairs& into) {
  for (const std::string& one : from) {
    auto pair = split(one, "=", form);
    if (!pair) return std::move(pair).error();
    into.push_back(std::move(*pair));
  }
  return {};
}

/// The value of `option`; `@file` stands for the content of the file.
Result<std::string> text_or_file(const std::string& given, const std::string& option) {
  if (!given.starts_with('@')) return given;
  const std::string name = given.substr(1);
  const auto refuse = [&](const std::string& why) {
    return usage(option + " " + given + ": the file cannot be read: " + why);
  };
  std::error_code unknown;
  if (std::filesystem::is_directory(name, unknown)) return refuse("it is a folder");
  std::ifstream file(name, std::ios::binary);
  if (!file) return refuse(std::generic_category().message(errno));
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

Result<void> add_body(const CallArguments& arguments, Request& request) {
  if (arguments.json) {
    auto text = text_or_file(*arguments.json, arguments.json_option);
    if (!text) return std::move(text).error();
    if (auto parsed = json::Document::parse(*text); !parsed)
      return usage(arguments.json_option + ": " + parsed.error().message);
    request.payload = Request::Json{std::move(*text)};
  } else if (!arguments.files.empty()) {
    Multipart parts;
    for (const std::string& one : arguments.forms) {
      auto pair = split(one, "=", "--form name=value");
      if (!pair) return std::move(pair).error();
      parts.field(pair->first, pair->second);
    }
    for (const std::string& one : arguments.files) {
      auto pair = split(one, "=@", "--file field=@path");
      if (!pair) return std::move(pair).error();
      parts.file(pair->first, pair->second);
    }
    request.payload = std::move(parts);
  } else if (!arguments.forms.empty()) {
    Request::Form form;
    if (auto added = add_pairs(arguments.forms, "--form name=value", form.fields); !added)
      return added;
    request.payload = std::move(form);
  }
  return {};
}

Result<Request> build(const CallArguments& arguments) {
  Request request;
  if (auto added = add_pairs(arguments.params, "--param name=value", request.path_values); !added)
    return std::move(added).error();
  if (auto added = add_pairs(arguments.queries, "--query name=value", request.query_values); !added)
    return std::move(added).error();
  for (const std::string& one : arguments.headers) {
    auto pair = split(one, ":", "--header 'Name: value'");
    if (!pair) return std::move(pair).error();
    const auto begin = pair->second.find_first_not_of(' ');
    request.headers.add(pair->first, begin == std::string::npos ? "" : pair->second.substr(begin));
  }
  if (auto added = add_body(arguments, request); !added) return std::move(added).error();
  if (arguments.timeout) {
    auto timeout = parse_duration(*arguments.timeout);
    if (!timeout) return usage("--timeout: " + timeout.error().message);
    request.timeout_total = *timeout;
  }
  return std::move(request).hash_key(arguments.hash_key);
}

/// For programs, beside the line on standard error.
void print_error_json(const Error& error) {
  json::Writer out;
  out.begin_object()
      .member("schema", "callerapi.error/1")
      .member("error", name(error.outcome))
      .member("reason", error.reason)
      .member("phase", name(error.phase))
      .member("sent", name(error.sent))
      .member("status", error.status)
      .member("message", error.message)
      .member("attempts", error.attempts)
      .end_object();
  std::cout << out.text() << '\n';
  std::cout.flush();
}

/// The exit code, and what there is to say of it.
int verdict(const Response& response) {
  if (response.status < 400) return 0;
  std::cerr << "callerapi: the service answered HTTP " << response.status
            << (response.plugin_error.empty() ? "" : ": ") << response.plugin_error << '\n';
  return 1;
}

int print(const Response& response, bool as_json) {
  if (!as_json) {
    std::cout << response.body;
    std::cout.flush();
  } else {
    json::Writer out;
    out.begin_object()
        .member("schema", "callerapi.response/1")
        .member("status", response.status)
        .key("headers")
        .begin_array();
    for (const auto [name, value] : response.headers)
      out.begin_array().value(name).value(value).end_array();
    out.end_array()
        .member("body_b64", encode_base64(response.body))
        .member("attempts", response.attempts)
        .member("generation", response.generation)
        .member("elapsed_ms", milliseconds(response.elapsed));
    if (!response.plugin_error.empty()) out.member("plugin_error", response.plugin_error);
    out.end_object();
    std::cout << out.text() << '\n';
  }
  return verdict(response);
}

/// What the call ran with and what came of it, in place of the body.
int print_explained(const Caller& caller, const CallArguments& arguments,
                    const Result<Response>& response) {
  // Ad-hoc requests have the settings of their service.
  if (const auto settings = caller.explain(arguments.service, arguments.endpoint))
    print_settings(*settings);
  const Stats stats = caller.stats();
  std::vector<std::vector<std::string>> rows{{"RESULT", "VALUE"}};
  if (response) {
    rows.insert(rows.end(), {{"status", std::to_string(response->status)},
                             {"body", std::to_string(response->body.size()) + " bytes"},
                             {"elapsed", milliseconds_text(response->elapsed)},
                             {"generation", std::to_string(response->generation)}});
  } else {
    const Error& error = response.error();
    rows.insert(rows.end(), {{"outcome", std::string(name(error.outcome))},
                             {"reason", error.reason},
                             {"phase", std::string(name(error.phase))},
                             {"sent", std::string(name(error.sent))}});
  }
  const auto& record = response ? response->record : response.error().record;
  if (record) add_state(rows, *record);
  add_times(rows, response ? response->time : response.error().time);
  rows.push_back({"requests sent", std::to_string(stats.attempts)});
  rows.push_back({"connections opened", std::to_string(stats.connections_opened)});
  std::cout << '\n';
  print_table(rows);
  if (record) {
    std::cout << '\n';
    print_attempts(*record);
    print_candidates(*record);
  }
  std::cout.flush();
  return response ? verdict(*response) : report(response.error());
}

/// The same as one object.
int print_explained_json(const Caller& caller, const CallArguments& arguments,
                         const Result<Response>& response) {
  json::Writer out;
  out.begin_object().member("schema", "callerapi.explained_call/1");
  if (const auto settings = caller.explain(arguments.service, arguments.endpoint))
    write_settings(out, *settings);
  const auto& record = response ? response->record : response.error().record;
  if (record) write_record(out.key("call"), *record);
  if (!response) out.member("message", response.error().message);
  out.end_object();
  std::cout << out.text() << '\n';
  std::cout.flush();
  return response ? verdict(*response) : report(response.error());
}

}  // namespace

Result<Request> make_request(const CallArguments& arguments) { return build(arguments); }

int run_call(const Common& common, const CallArguments& arguments) {
  auto request = build(arguments);
  if (!request) return report(request.error());
  const bool explain = arguments.output.starts_with("explain");
  if (arguments.dry_run) {
    Common as = common;
    as.json = common.json || arguments.output.ends_with("json");
    return run_dry(as, arguments, std::move(*request));
  }
  request->wants_record = explain;
  Options options;
  options.watch = false;
  if (auto traced = trace_to(arguments.trace, options); !traced) return report(traced.error());
  auto caller = open(common, std::move(options));
  if (!caller) return report(caller.error());
  auto response = arguments.method.empty()
                      ? caller->call(arguments.service, arguments.endpoint, std::move(*request))
                      : caller->request(arguments.service, arguments.method, arguments.path,
                                        std::move(*request));
  if (arguments.output == "explain") return print_explained(*caller, arguments, response);
  if (explain) return print_explained_json(*caller, arguments, response);
  const bool as_json = common.json || arguments.output == "json";
  if (!response && as_json) print_error_json(response.error());
  return response ? print(*response, as_json) : report(response.error());
}

}  // namespace callerapi::cli
