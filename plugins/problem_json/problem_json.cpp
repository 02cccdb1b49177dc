#include "problem_json.hpp"

#include <boost/json.hpp>
#include <boost/json/src.hpp>

namespace problem_json {
namespace {

bool is_problem(std::string_view content_type) {
  constexpr std::string_view wanted = "application/problem+json";
  content_type = content_type.substr(0, content_type.find_first_of("; \t"));
  if (content_type.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const char c = content_type[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != wanted[i]) return false;
  }
  return true;
}

/// RFC 9457 3.1: a member of another type is as good as absent.
std::string member(const boost::json::object& problem, std::string_view name) {
  const auto* value = problem.if_contains({name.data(), name.size()});
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

}  // namespace

std::string ProblemJson::map_error(callerapi::HookedResponse& response) {
  if (!is_problem(response.header("Content-Type").value_or(""))) return {};
  boost::json::error_code failed;
  const std::string_view body = response.body();
  const auto value = boost::json::parse({body.data(), body.size()}, failed);
  if (failed || !value.is_object()) return {};
  const auto& problem = value.get_object();
  std::string out = member(problem, "title");
  if (const std::string detail = member(problem, "detail"); !detail.empty())
    out.append(out.empty() ? "" : ": ").append(detail);
  const std::string type = member(problem, "type");
  if (!type.empty() && type != "about:blank")
    out.append(out.empty() ? "[" : " [").append(type).append("]");
  return out;
}

}  // namespace problem_json

CALLERAPI_PLUGIN(problem_json::ProblemJson)
