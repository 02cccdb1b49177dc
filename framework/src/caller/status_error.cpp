#include <algorithm>

#include "base/limits.hpp"
#include "callerapi/client.hpp"
#include "wire/line.hpp"
#include "wire/syntax.hpp"

namespace callerapi::detail {
namespace {

std::string member(const json::View& problem, std::string_view name) {
  const json::View found = problem.find(name);
  return found ? std::string(found.string().value_or("")) : std::string();
}

/// RFC 9110 8.3.1: the case of a type means nothing, nor do its parameters here.
bool is_problem(std::string_view content_type) {
  return same_name(wire::trim(content_type.substr(0, content_type.find(';'))),
                   "application/problem+json");
}

// An error's message is for a line of a log; all of the title is in its detail.
constexpr std::size_t title_bytes_max = 256;

}  // namespace

std::optional<Error> status_error(const Response& response) {
  if (response.status < 400) return std::nullopt;
  auto said = std::make_shared<ErrorDetail>();
  said->body_excerpt = response.body.substr(0, base::limits::body_excerpt_bytes_max);
  const auto type = response.headers.get("Content-Type");
  if (type && is_problem(*type)) {
    if (const auto document = json::Document::parse(response.body)) {
      const json::View problem = document->root();
      said->type = member(problem, "type");
      said->title = member(problem, "title");
      said->detail = member(problem, "detail");
      said->instance = member(problem, "instance");
    }
  }
  Error error{.outcome = Outcome::http_status,
              .reason = std::to_string(response.status),
              .message = "HTTP " + std::to_string(response.status) + " after " +
                         std::to_string(response.attempts) + " attempt" +
                         (response.attempts == 1 ? "" : "s"),
              .phase = Phase::decode,
              .sent = Sent::yes,
              .status = response.status,
              .attempts = response.attempts,
              .time = response.time,
              .record = response.record};
  // The plugin knows its service best; without its words those of the service stand.
  const std::string words = response.plugin_error.empty()
                                ? wire::line_of(said->title, title_bytes_max)
                                : response.plugin_error;
  if (!words.empty()) error.message += ": " + words;
  error.detail = std::move(said);
  return error;
}

}  // namespace callerapi::detail
