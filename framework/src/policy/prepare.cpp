#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/limits.hpp"
#include "policy/attempt_headers.hpp"
#include "policy/uuid.hpp"
#include "wire/deflate.hpp"
#include "wire/encode.hpp"
#include "wire/guarded.hpp"
#include "wire/inflate.hpp"
#include "wire/multipart_source.hpp"
#include "wire/syntax.hpp"

namespace callerapi::policy {
namespace {

Error invalid(const Prepared& call, std::string reason, std::string text) {
  return call_error(call.where(), Outcome::invalid_argument, std::move(reason), std::move(text));
}

/// Prefixes an error of a lower floor with the call it belongs to.
Error within(const Prepared& call, Error error) {
  error.message = call.where() + ": " + error.message;
  return error;
}

/// Is all of `text` a number of that type?
template <class Number>
bool reads(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

bool fits(ParamType type, std::string_view value) {
  switch (type) {
    case ParamType::text:
      return true;
    case ParamType::integer: {
      // A contract does not tell whether the type has a sign.
      std::int64_t number = 0;
      std::uint64_t large = 0;
      return reads(value, number) || reads(value, large);
    }
    case ParamType::real: {
      double number = 0;
      return reads(value, number) && std::isfinite(number);
    }
    case ParamType::boolean:
      return value == "true" || value == "false";
  }
  return false;
}

const std::string* find(const Request::Pairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs)
    if (key == name) return &value;
  return nullptr;
}

Result<void> check_params(const Prepared& call, const Endpoint& endpoint, const Request& request) {
  for (const Param& param : endpoint.params) {
    const std::string* value = nullptr;
    std::string from_header;
    if (param.place == Place::path || param.place == Place::location) {
      value = find(request.path_values, param.name);
    } else if (param.place == Place::query) {
      value = find(request.query_values, param.name);
    } else if (param.place == Place::header) {
      if (const auto found = request.headers.get(param.name)) value = &(from_header = *found);
    } else if (const auto* form = std::get_if<Request::Form>(&request.payload)) {
      value = find(form->fields, param.name);
    }
    const auto what = [&] {
      return std::string(name(param.place)) + " parameter '" + param.name + "'";
    };
    if (value == nullptr) {
      if (param.required) return invalid(call, "missing_parameter", what() + " is required");
    } else if (!fits(param.type, *value)) {
      return invalid(call, "parameter_type",
                     what() + " does not fit its type; expected " + std::string(name(param.type)));
    }
  }
  for (const auto& [key, value] : request.path_values) {
    bool known = false;
    for (const Param& param : endpoint.params)
      known = known ||
              (param.name == key && (param.place == Place::path || param.place == Place::location));
    if (!known)
      return invalid(call, "unknown_parameter",
                     "no path parameter '" + key + "' in " + endpoint.path);
  }
  return {};
}

std::string_view kind_of(const Request::Payload& payload) {
  constexpr std::string_view kinds[] = {"none", "json", "form", "multipart", "bytes"};
  return kinds[payload.index()];
}

Result<void> check_body(const Prepared& call, const Endpoint& endpoint, const Request& request) {
  const std::string_view wanted = name(endpoint.request_body), given = kind_of(request.payload);
  if (wanted == given) return {};
  if (endpoint.request_body == BodyKind::none)
    return invalid(call, "body_not_taken",
                   "takes no body, but one of kind " + std::string(given) + " was given");
  // Raw bytes may stand in for any kind: the caller brings the content type.
  if (given == "bytes") return {};
  if (given == "none" && endpoint.request_body != BodyKind::json &&
      endpoint.request_body != BodyKind::multipart)
    return {};
  return invalid(call, "body_kind",
                 "takes a body of kind " + std::string(wanted) + ", not " + std::string(given));
}

void set_text(Prepared& call, std::string text, std::string_view content_type) {
  call.body = std::move(text);
  call.has_body = true;
  if (!call.headers.contains("Content-Type") && !content_type.empty())
    call.headers.add("Content-Type", content_type);
}

Result<void> take_payload(Prepared& call, Request& request, wire::Loop& loop) {
  if (auto* json = std::get_if<Request::Json>(&request.payload)) {
    if (!json->finite)
      return invalid(call, "not_finite",
                     "the JSON body holds a number that is infinite or NaN, or a time outside the "
                     "years 1678 to 2261");
    set_text(call, std::move(json->text), "application/json");
  } else if (auto* form = std::get_if<Request::Form>(&request.payload)) {
    set_text(call, wire::encode_form(form->fields), "application/x-www-form-urlencoded");
  } else if (auto* parts = std::get_if<Multipart>(&request.payload)) {
    if (!parts->state()) return within(call, parts->state().error());
    const std::string boundary = wire::make_boundary(loop.random());
    auto source = wire::make_multipart(std::move(*parts).take(), boundary);
    if (!source) return within(call, std::move(source).error());
    call.source = std::move(*source);
    call.has_body = true;
    call.headers.set("Content-Type", "multipart/form-data; boundary=" + boundary);
  } else if (auto* body = std::get_if<Body>(&request.payload)) {
    if (body->source() == nullptr) {
      set_text(call, body->in_memory(), body->content_type());
    } else {
      call.has_body = true;
      if (!call.headers.contains("Content-Type") && !body->content_type().empty())
        call.headers.add("Content-Type", body->content_type());
      call.source = std::move(*body).take_source();
    }
  }
  return {};
}

/// Of a URL what may be shown: `origin`, its beginning as it was read, unless an '@' stands
/// anywhere. A password may hold all that ends an origin, so it ends before the last one.
std::string_view without_password(std::string_view url, std::string_view origin) {
  const auto at = url.rfind('@');
  if (at == std::string_view::npos) return origin;
  const auto behind = url.substr(at + 1);
  return behind.substr(0, behind.find_first_of("/?#"));
}

/// What a URL that the service handed out is on its own connection. Another origin is refused: the
/// request may carry this service's credentials. A password in the URL is not repeated.
Result<std::string> target_of(const Prepared& call, const ServiceView& service,
                              std::string_view url) {
  const std::string_view whole = url;
  url = url.substr(0, url.find('#'));
  if (!url.starts_with('/') || url.starts_with("//")) {
    const std::string_view scheme = service.scheme == "unix" ? "http" : service.scheme;
    const std::string origin = std::string(scheme) + "://" + std::string(service.authority);
    const std::string_view port = scheme == "https" ? ":443" : ":80";
    const auto path =
        std::min(url.find_first_of("/?", std::min(url.find("//") + 2, url.size())), url.size());
    std::string_view given = url.substr(0, path);
    if (given.ends_with(port)) given.remove_suffix(port.size());
    if (!same_name(given, origin))
      return invalid(call, "location_origin",
                     "the location '" + wire::printable(without_password(whole, given)) +
                         "' is not of " + origin +
                         "; give a URL of that origin, or one that begins with a single '/'");
    url.remove_prefix(path);
  }
  std::string target(url.starts_with('/') ? "" : "/");
  target += url;
  if (!wire::is_uri_text(target))
    return invalid(call, "location", "the location holds bytes that no URL holds as they are");
  return target;
}

Result<void> set_times(Prepared& call, Request& request, wire::Loop& loop) {
  call.started = loop.now();
  call.total = request.timeout_total.value_or(call.settings->timeouts.total);
  call.deadline_from = request.timeout_total ? "the timeout of the call" : "timeouts.total";
  if (call.settings->total_max && *call.settings->total_max < call.total) {
    call.total = *call.settings->total_max;
    call.deadline_from = "clamps.timeouts.total";
  }
  if (call.total <= Duration::zero())
    return invalid(call, "timeout",
                   "a timeout of zero or less leaves no time for the call; give more than 0");
  call.deadline = call.total < no_deadline - call.started ? call.started + call.total : no_deadline;
  const auto bound = [&](TimePoint until, std::string_view from) {
    call.stream_deadline = std::min(call.stream_deadline, until);
    if (until >= call.deadline) return;
    call.deadline = until;
    call.deadline_from = from;
  };
  bound(request.deadline_at, "the deadline of the call");
  if (request.lent) call.context = std::move(*request.lent);
  if (call.own_trace) call.context.trace = nullptr;  // it belongs to that one
  if (call.settings->deadline_mode == Mode::dark) call.dark_deadline = call.context.deadline;
  if (call.settings->deadline_mode == Mode::on)
    bound(call.context.deadline,
          call.context.deadline_from.empty() ? "Context::deadline" : call.context.deadline_from);
  call.attempts_max = request.attempts_max.value_or(call.settings->retry.max_attempts);
  if (call.settings->attempts_max)
    call.attempts_max = std::min(call.attempts_max, *call.settings->attempts_max);
  if (call.attempts_max < 1) return invalid(call, "attempts", "max_attempts must be at least 1");
  call.attempt = call.settings->attempt_of(call.total, call.may_repeat && call.attempts_max > 1);
  return {};
}

void set_headers(Prepared& call, const ServiceView& service, Request& request) {
  const Settings& settings = *call.settings;
  // Most requests have half a dozen short fields when all are there.
  constexpr std::size_t fields = 8, bytes = 224;
  call.headers = std::move(request.headers);
  call.headers.reserve(call.headers.size() + fields, call.headers.bytes() + bytes);
  bool any = !call.headers.empty();
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty() && !(any && call.headers.contains(name))) call.headers.add(name, value);
  };
  call.own_trace = any && call.headers.contains("traceparent");
  call.own_baggage = any && call.headers.contains("baggage");
  for (const auto& [name, value] : settings.headers) {
    add(name, value);
    any = true;
  }
  // What the engine adds from here on is no attempt's, and of each name once.
  call.own_attempt_headers = any && has_attempt_headers(call.headers, *settings.names);
  add("User-Agent", service.user_agent);
  add(settings.names->caller, service.caller_name);
  add(settings.names->call_id, view(call.id));
  // A part of a coded body cannot be decoded: whoever asks for a range gets bytes as they are.
  call.decode =
      !any || (!call.headers.contains("Accept-Encoding") && !call.headers.contains("Range"));
  if (call.decode) call.headers.add("Accept-Encoding", wire::accepted_codings);
}

/// Codes the body once, before any hook signs it and so that retries send the same bytes.
void code_body(Prepared& call) {
  if (!call.settings->request_gzip || !call.has_body || call.headers.contains("Content-Encoding"))
    return;
  if (call.source) {
    const auto length = call.source->length();
    if (length && *length < base::limits::request_gzip_bytes_min) return;
    call.source = wire::make_gzip(std::move(call.source));
  } else {
    if (call.body.size() < base::limits::request_gzip_bytes_min ||
        call.body.size() > base::limits::request_gzip_bytes_max)
      return;
    call.body = wire::gzip(call.body);
  }
  call.headers.add("Content-Encoding", "gzip");
}

Result<void> finish(Prepared& call, const ServiceView& service, Request& request, wire::Loop& loop,
                    bool mint_key) {
  call.id = uuid_v7(loop.wall_ms(), loop.random());
  set_headers(call, service, request);
  if (auto taken = take_payload(call, request, loop); !taken) return taken;
  if (call.source) call.source = wire::make_guarded(std::move(call.source));
  code_body(call);
  call.sink = std::move(request.sink);
  call.explain = request.wants_record;
  call.hash = request.hash;
  const std::string& key = call.settings->names->idempotency_key;
  if (!request.key.empty()) {
    call.headers.set(key, request.key);
  } else if (mint_key && !call.headers.contains(key)) {
    call.headers.add(key, "\"" + std::string(view(uuid_v7(loop.wall_ms(), loop.random()))) + "\"");
  }
  if (call.headers.contains(key)) call.may_repeat = true;
  return set_times(call, request, loop);
}

void begin(Prepared& call, const ServiceView& service, std::string_view method,
           const Settings& settings) {
  call.service = service.name;
  call.authority = service.authority;
  call.method = method;
  call.settings = &settings;
}

}  // namespace

Error call_error(std::string_view where, Outcome outcome, std::string reason, std::string text) {
  return {.outcome = outcome,
          .reason = std::move(reason),
          .message = std::string(where) + ": " + text,
          .phase = Phase::args};
}

std::string Prepared::where() const {
  std::string text(service);
  return text.append(endpoint.empty() ? " " : ".")
      .append(endpoint.empty() ? std::string_view(method) : endpoint);
}

Result<void> prepare(Prepared& call, const ServiceView& service, const Endpoint& endpoint,
                     const wire::UriTemplate& path, const Settings& settings, Request& request,
                     wire::Loop& loop) {
  begin(call, service, endpoint.method, settings);
  call.endpoint = endpoint.name;
  call.may_repeat = may_repeat(endpoint);
  if (!request.url)
    if (auto checked = check_params(call, endpoint, request); !checked) return checked;
  if (auto checked = check_body(call, endpoint, request); !checked) return checked;

  const auto location = std::ranges::find(endpoint.params, Place::location, &Param::place);
  if (request.url || location != endpoint.params.end()) {
    const std::string* url =
        request.url ? &*request.url : find(request.path_values, location->name);
    auto target = target_of(call, service, url != nullptr ? *url : "");
    if (!target) return std::move(target).error();
    call.target = std::move(*target);
  } else {
    call.target = service.path_prefix;
    const auto lookup = [&](std::string_view name) -> std::optional<std::string_view> {
      if (const std::string* value = find(request.path_values, name)) return *value;
      return std::nullopt;
    };
    if (const auto expanded = path.expand(call.target, lookup); !expanded)
      return within(call, expanded.error());
  }
  if (auto added = wire::append_query(call.target, request.query_values); !added)
    return within(call, std::move(added).error());
  return finish(call, service, request, loop, endpoint.idempotency == Idempotency::key);
}

Result<void> prepare_ad_hoc(Prepared& call, const ServiceView& service, std::string_view method,
                            std::string_view path, const Settings& settings, Request& request,
                            wire::Loop& loop) {
  begin(call, service, method, settings);
  call.may_repeat = idempotent_method(method);
  if (path.empty() || path.front() != '/')
    return invalid(call, "path", "the path of a request begins with '/'");
  if (request.url)
    return invalid(call, "location",
                   "Request::at() is for endpoints; give the path of the URL in place of " +
                       wire::printable(path));
  if (!request.path_values.empty())
    return invalid(call, "unknown_parameter",
                   "no path parameter '" + request.path_values.front().first + "' in " +
                       wire::printable(path) +
                       "; a request by method and path is sent to that path as it is");
  call.target.append(service.path_prefix).append(path);
  if (auto added = wire::append_query(call.target, request.query_values); !added)
    return within(call, std::move(added).error());
  return finish(call, service, request, loop, false);
}

}  // namespace callerapi::policy
