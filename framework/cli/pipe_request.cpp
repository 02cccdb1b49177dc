#include "pipe_request.hpp"

#include <chrono>

#include "command.hpp"

namespace callerapi::cli {
namespace {

Error bad(std::string text) {
  return {.outcome = Outcome::invalid_argument, .reason = "line", .message = std::move(text)};
}

std::string text_of(json::View value) {
  if (const auto text = value.string()) return std::string(*text);
  return value.dump();
}

Result<void> read_pairs(json::View from, const char* what, Request::Pairs& into) {
  if (!from) return {};
  if (from.kind() != json::Kind::object) return bad(std::string(what) + " must be an object");
  for (std::size_t i = 0; i < from.size(); ++i) {
    const json::View value = from.at(i);
    if (value.kind() == json::Kind::null) continue;
    if (value.kind() != json::Kind::array) {
      into.emplace_back(from.key(i), text_of(value));
      continue;
    }
    for (std::size_t k = 0; k < value.size(); ++k)
      into.emplace_back(from.key(i), text_of(value.at(k)));
  }
  return {};
}

std::string member(json::View from, std::string_view name) {
  const json::View found = from.find(name);
  return found ? std::string(found.string().value_or("")) : std::string();
}

Result<void> read_part(json::View part, Multipart& parts) {
  const std::string name = member(part, "name"), filename = member(part, "filename"),
                    type = member(part, "content_type");
  if (const json::View file = part.find("file")) {
    const std::string path(file.string().value_or(""));
    if (!filename.empty())
      if (auto body = Body::file(path)) {
        parts.part({name, filename, type, std::move(*body)});
        return {};
      }
    parts.file(name, path, type);  // under its own name; or it says why there is none
    return {};
  }
  const json::View encoded = part.find("body_b64");
  if (!encoded || !encoded.string())
    return bad("part '" + name + "' needs file or body_b64, as a text");
  auto bytes = decode_base64(*encoded.string());
  if (!bytes) return std::move(bytes).error();
  parts.bytes(name, filename, std::move(*bytes), type);
  return {};
}

Result<void> read_body(json::View root, Request& request) {
  if (const json::View json = root.find("json")) {
    request.payload = Request::Json{json.dump()};
  } else if (const json::View form = root.find("form")) {
    Request::Form fields;
    if (auto read = read_pairs(form, "form", fields.fields); !read) return read;
    request.payload = std::move(fields);
  } else if (const json::View multipart = root.find("multipart")) {
    if (multipart.kind() != json::Kind::array) return bad("multipart must be an array");
    Multipart parts;
    for (std::size_t i = 0; i < multipart.size(); ++i)
      if (auto read = read_part(multipart.at(i), parts); !read) return read;
    request.payload = std::move(parts);
  } else if (const json::View encoded = root.find("body_b64")) {
    auto bytes = decode_base64(encoded.string().value_or("?"));
    if (!bytes) return std::move(bytes).error();
    request.payload = Body::text(std::move(*bytes));
  }
  return {};
}

Result<void> read_request(json::View root, PipeRequest& out) {
  const json::View path = root.find("path");
  if (out.op == "request") {
    out.path = path ? path.string().value_or("") : "";
  } else if (auto read = read_pairs(path, "path", out.request.path_values); !read) {
    return read;
  }
  if (auto read = read_pairs(root.find("query"), "query", out.request.query_values); !read)
    return read;
  Request::Pairs headers;
  if (auto read = read_pairs(root.find("headers"), "headers", headers); !read) return read;
  for (const auto& [name, value] : headers) out.request.headers.add(name, value);
  if (const json::View timeout = root.find("timeout_ms")) {
    const auto ms = timeout.integer();
    if (!ms || *ms < 0 || *ms > 1'000'000'000)
      return bad("timeout_ms must be a whole number of milliseconds");
    out.request.timeout_total = std::chrono::milliseconds(*ms);
  }
  if (const json::View key = root.find("hash_key")) {
    const auto text = key.string();
    if (!text) return bad("hash_key must be a text");
    out.request = std::move(out.request).hash_key(*text);
  }
  return read_body(root, out.request);
}

}  // namespace

Result<PipeRequest> read_line(std::string_view line, std::string& id) {
  auto document = json::Document::parse(line);
  if (!document) return bad(document.error().message);
  const json::View root = document->root();
  if (root.kind() != json::Kind::object) return bad("a line must be one JSON object");
  PipeRequest out;
  if (const json::View given = root.find("id")) id = text_of(given);
  out.id = id;
  out.op = member(root, "op");
  out.service = member(root, "service");
  out.endpoint = member(root, "endpoint");
  out.method = member(root, "method");
  out.target = member(root, "target");
  if (out.op != "call" && out.op != "request") return out;
  if (id.empty()) return bad("a call needs an id");
  if (auto read = read_request(root, out); !read) return std::move(read).error();
  return out;
}

std::string answer_line(std::string_view id, const Result<Response>& result) {
  json::Writer out;
  out.begin_object().member("id", id).member("outcome", result ? "ok" : "error");
  if (result) {
    out.member("status", result->status).key("headers").begin_array();
    for (const auto [name, value] : result->headers)
      out.begin_array().value(name).value(value).end_array();
    out.end_array()
        .member("body_b64", encode_base64(result->body))
        .member("attempts", result->attempts)
        .member("elapsed_ms", std::chrono::duration<double, std::milli>(result->elapsed).count())
        .member("generation", result->generation);
    if (!result->plugin_error.empty()) out.member("plugin_error", result->plugin_error);
  } else {
    const Error& error = result.error();
    out.member("error", name(error.outcome))
        .member("reason", error.reason)
        .member("phase", name(error.phase))
        .member("sent", name(error.sent))
        .member("status", error.status)
        .member("message", error.message)
        .member("attempts", error.attempts);
  }
  out.end_object();
  return out.take();
}

std::string bad_line(std::string_view id, std::size_t number, const Error& error) {
  json::Writer out;
  out.begin_object().key("id");
  if (id.empty()) {
    out.null();
  } else {
    out.value(id);
  }
  out.member("outcome", "error")
      .member("error", name(error.outcome))
      .member("line", number)
      .member("message", error.message)
      .end_object();
  return out.take();
}

}  // namespace callerapi::cli
