#include "explain.hpp"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <optional>

#include "callerapi/testing.hpp"
#include "list.hpp"

namespace callerapi::cli {
namespace {

using Part = std::pair<const char*, Duration>;

std::vector<Part> parts_of(const TimeLedger& time) {
  std::vector<Part> parts;
  for (const Part& part :
       {Part{"queue", time.queue}, Part{"dns", time.dns}, Part{"connect", time.connect},
        Part{"tls", time.tls}, Part{"write", time.write}, Part{"wait", time.wait},
        Part{"read", time.read}, Part{"retry", time.retry}, Part{"local", time.local}})
    if (part.second > Duration::zero()) parts.push_back(part);
  return parts;
}

std::string result_of(const AttemptRecord& attempt) {
  if (attempt.outcome == Outcome::ok) return std::to_string(attempt.status);
  return std::string(name(attempt.outcome));
}

std::string hex(std::uint64_t id) {
  char text[32];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id));
  return text;
}

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", number);
  return text;
}

/// "closed, 3 of 20 failed"
std::string breaker_text(std::string_view state, std::uint64_t failed, std::uint64_t total) {
  if (state.empty()) return "";
  return std::string(state) + ", " + std::to_string(failed) + " of " + std::to_string(total) +
         " failed";
}

void write_breaker(json::Writer& out, std::string_view state, std::uint64_t failed,
                   std::uint64_t total) {
  out.key("breaker")
      .begin_object()
      .member("state", state)
      .member("failed", failed)
      .member("total", total)
      .end_object();
}

void write_choice(json::Writer& out, const AttemptRecord& attempt) {
  out.key("lb")
      .begin_object()
      .member("policy", attempt.balance)
      .member("instances", attempt.instances)
      .member("panic", attempt.panic)
      .key("candidates")
      .begin_array();
  for (const CandidateRecord& c : attempt.candidates)
    out.begin_object()
        .member("instance", c.instance)
        .member("fate", c.fate)
        .member("cost", c.cost)
        .member("latency_ms", milliseconds(c.latency))
        .member("in_flight", c.in_flight)
        .member("share", c.share)
        .end_object();
  out.end_array().end_object();
}

/// What comes before '?'.
std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

/// Takes an attempt of the call that was asked for down instead of sending it. What others ask on
/// the way, for a token or for the instances of a service, is answered with what lets them go on.
class Note final : public testing::Transport {
 public:
  explicit Note(const CallArguments& arguments) : arguments_(arguments) {}

  Result<Response> answer(const testing::SeenRequest& request) override {
    if (!is_meant(request))
      return testing::json_response(R"({"access_token":"none","token_type":"Bearer",)"
                                    R"("instances":[{"host":"dry-run.invalid","port":1}]})");
    std::lock_guard lock(mutex_);
    seen_ = request;
    return Response{.status = 200};
  }
  std::optional<testing::SeenRequest> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  bool is_meant(const testing::SeenRequest& request) const {
    if (request.service != arguments_.service) return false;
    if (arguments_.method.empty()) return request.endpoint == arguments_.endpoint;
    return request.method == arguments_.method &&
           path_of(request.target).ends_with(path_of(arguments_.path));
  }

  const CallArguments& arguments_;
  std::mutex mutex_;
  std::optional<testing::SeenRequest> seen_;
};

std::string_view shown(Headers::Field field) {
  return is_secret_header(field.name) ? std::string_view("(hidden)") : field.value;
}

/// Of the fields that the registry names: the key of idempotency, which is hidden by its usual name
/// and so by any other, and what explain() hides, for it came from a file.
void hide_configured(Headers& headers, const std::vector<SettingInfo>& settings) {
  constexpr std::string_view added = "headers.";
  for (const SettingInfo& setting : settings) {
    std::string_view field;
    if (setting.key == "header_names.idempotency_key") field = setting.value;
    if (setting.key.starts_with(added) && setting.value == "(hidden)")
      field = std::string_view(setting.key).substr(added.size());
    if (!field.empty() && headers.contains(field)) headers.set(field, "(hidden)");
  }
}

void print_request(const testing::SeenRequest& request) {
  std::cout << request.method << ' ' << without_secrets(request.target) << " HTTP/1.1\n";
  for (const auto field : request.headers) std::cout << field.name << ": " << shown(field) << '\n';
  std::cout << '\n' << request.body.size() << " bytes of body; nothing was sent\n";
  std::cout.flush();
}

/// The request, the settings it would be made with, and what its service stands at.
void print_request_json(const testing::SeenRequest& request, const Caller& caller,
                        const CallArguments& arguments) {
  json::Writer out;
  out.begin_object()
      .member("schema", "callerapi.dry_run/1")
      .member("service", request.service)
      .member("endpoint", request.endpoint)
      .member("method", request.method)
      .member("target", without_secrets(request.target))
      .key("headers")
      .begin_array();
  for (const auto field : request.headers)
    out.begin_array().value(field.name).value(shown(field)).end_array();
  out.end_array().member("body_bytes", request.body.size());
  if (const auto settings = caller.explain(arguments.service, arguments.endpoint))
    write_settings(out, *settings);
  for (const ServiceInfo& service : caller.services())
    if (service.name == arguments.service) write_service(out.key("state"), service);
  out.end_object();
  std::cout << out.text() << '\n';
}

}  // namespace

double milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

std::string milliseconds_text(Duration d) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f ms", milliseconds(d));
  return text;
}

void add_times(std::vector<std::vector<std::string>>& rows, const TimeLedger& time) {
  for (const auto& [part, took] : parts_of(time))
    rows.push_back({std::string("time: ") + part, milliseconds_text(took)});
}

void write_times(json::Writer& out, const TimeLedger& time) {
  out.key("time_ms").begin_object();
  for (const auto& [part, took] : parts_of(time)) out.member(part, milliseconds(took));
  out.end_object();
}

void add_state(std::vector<std::vector<std::string>>& rows, const CallRecord& record) {
  rows.push_back({"deadline", milliseconds_text(record.deadline) + " from " +
                                  std::string(record.deadline_from)});
  if (!record.hedge.empty()) rows.push_back({"hedge", std::string(record.hedge)});
  rows.push_back(
      {"breaker", breaker_text(record.breaker, record.breaker_failed, record.breaker_total)});
  if (const AdmissionRecord& came = record.admission; !came.decision.empty())
    rows.push_back(
        {"limits", std::string(came.decision) + ": " + std::to_string(came.in_flight) +
                       (came.in_flight_max > 0 ? " of " + std::to_string(came.in_flight_max)
                                               : std::string()) +
                       " in flight" + (came.adaptive ? " (adaptive)" : "")});
}

void print_attempts(const CallRecord& record) {
  std::vector<std::vector<std::string>> rows{{"ATTEMPT", "KIND", "BEGAN", "INSTANCE", "RESULT",
                                              "TOOK", "DECISION", "WHY", "PAUSE", "RETRIES",
                                              "BREAKER"}};
  for (const AttemptRecord& a : record.attempts)
    rows.push_back({std::to_string(a.number), std::string(a.kind), milliseconds_text(a.began),
                    a.instance, result_of(a), milliseconds_text(a.time.total() - a.time.retry),
                    std::string(a.decision), std::string(a.stop_reason),
                    a.decision == "retry" ? milliseconds_text(a.wait) : "",
                    std::to_string(a.budget_retries) + " of " + std::to_string(a.budget_allowed),
                    breaker_text(a.breaker, a.breaker_failed, a.breaker_total)});
  print_table(rows);
}

void print_candidates(const CallRecord& record) {
  std::vector<std::vector<std::string>> rows{
      {"ATTEMPT", "BY", "INSTANCE", "FATE", "COST", "LATENCY", "IN FLIGHT", "SHARE"}};
  for (const AttemptRecord& a : record.attempts)
    for (const CandidateRecord& c : a.candidates) {
      const bool looked = c.share > 0;
      rows.push_back({std::to_string(a.number), std::string(a.balance) + (a.panic ? ", panic" : ""),
                      c.instance, std::string(c.fate), looked ? number_text(c.cost) : "",
                      c.latency > Duration::zero() ? milliseconds_text(c.latency) : "",
                      looked ? std::to_string(c.in_flight) : "",
                      looked ? number_text(c.share) : ""});
    }
  if (rows.size() == 1) return;
  std::cout << '\n';
  print_table(rows);
}

void write_record(json::Writer& out, const CallRecord& record) {
  out.begin_object()
      .member("call_id", record.call_id)
      .member("trace_id", record.trace_id)
      .member("service", record.service)
      .member("endpoint", record.endpoint)
      .member("generation", record.generation)
      .key("deadline")
      .begin_object()
      .member("given_ms", milliseconds(record.deadline))
      .member("from", record.deadline_from)
      .end_object()
      .key("admission")
      .begin_object()
      .member("decision", record.admission.decision)
      .member("in_flight", record.admission.in_flight)
      .member("in_flight_max", record.admission.in_flight_max)
      .member("adaptive", record.admission.adaptive)
      .member("waiting", record.admission.waiting)
      .member("waiting_max", record.admission.waiting_max)
      .member("rate", record.admission.rate)
      .member("waited_ms", milliseconds(record.admission.waited))
      .end_object()
      .key("attempts")
      .begin_array();
  for (const AttemptRecord& a : record.attempts) {
    out.begin_object()
        .member("n", a.number)
        .member("kind", a.kind)
        .member("began_ms", milliseconds(a.began))
        .member("instance", a.instance)
        .member("span_id", a.span_id == 0 ? std::string() : hex(a.span_id))
        .member("outcome", name(a.outcome))
        .member("status", a.status)
        .member("decision", a.decision)
        .member("stop_reason", a.stop_reason)
        .member("wait_ms", milliseconds(a.wait))
        .key("budget")
        .begin_object()
        .member("calls", a.budget_calls)
        .member("retries", a.budget_retries)
        .member("allowed", a.budget_allowed)
        .end_object();
    write_breaker(out, a.breaker, a.breaker_failed, a.breaker_total);
    write_choice(out, a);
    write_times(out, a.time);
    out.end_object();
  }
  out.end_array().member("result", name(record.outcome)).member("status", record.status);
  if (!record.message.empty()) out.member("message", record.message);
  if (!record.hedge.empty()) out.member("hedge", record.hedge);
  write_breaker(out, record.breaker, record.breaker_failed, record.breaker_total);
  out.member("total_ms", milliseconds(record.time.total()));
  write_times(out, record.time);
  out.end_object();
}

void write_settings(json::Writer& out, const std::vector<SettingInfo>& settings) {
  out.key("settings").begin_array();
  for (const SettingInfo& s : settings)
    out.begin_object()
        .member("key", s.key)
        .member("value", s.value)
        .member("origin", s.origin)
        .end_object();
  out.end_array();
}

int run_dry(const Common& common, const CallArguments& arguments, Request request) {
  auto note = std::make_shared<Note>(arguments);
  Options options;
  options.watch = false;
  options.transport = note;
  auto caller = open(common, std::move(options));
  if (!caller) return report(caller.error());
  auto answer = arguments.method.empty()
                    ? caller->call(arguments.service, arguments.endpoint, std::move(request))
                    : caller->request(arguments.service, arguments.method, arguments.path,
                                      std::move(request));
  auto seen = note->seen();
  if (!seen) return report(answer.error());
  if (const auto settings = caller->explain(arguments.service, arguments.endpoint))
    hide_configured(seen->headers, *settings);
  common.json ? print_request_json(*seen, *caller, arguments) : print_request(*seen);
  return 0;
}

}  // namespace callerapi::cli
