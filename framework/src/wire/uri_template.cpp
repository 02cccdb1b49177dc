#include "wire/uri_template.hpp"

#include <algorithm>

#include "wire/encode.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

Error refuse(std::string reason, std::string text) {
  return {.outcome = Outcome::invalid_argument,
          .reason = std::move(reason),
          .message = std::move(text)};
}

bool in_query(char op) noexcept { return op == '?' || op == '&'; }

/// Percent-encoding does not help against dots: servers decode before they normalise.
bool has_dot_segment(std::string_view value) {
  for (std::size_t at = 0; at <= value.size();) {
    const auto end = std::min(value.find_first_of("/\\", at), value.size());
    const auto segment = value.substr(at, end - at);
    if (segment == "." || segment == "..") return true;
    at = end + 1;
  }
  return false;
}

/// Only where %XX of the caller is kept as it is.
bool has_encoded_dots(std::string_view value) {
  return value.find("%2e") != std::string_view::npos || value.find("%2E") != std::string_view::npos;
}

/// As append_reserved(), but what would end the path stays in it: "?" as long as there is no query,
/// and "#", which no request target holds.
void append_kept(std::string& out, std::string_view value) {
  const bool query = out.find('?') != std::string::npos;
  while (!value.empty()) {
    const auto end = std::min(value.find_first_of(query ? "#" : "?#"), value.size());
    append_reserved(out, value.substr(0, end));
    if (end == value.size()) return;
    append_encoded(out, value.substr(end, 1));
    value.remove_prefix(end + 1);
  }
}

Result<void> check_value(std::string_view name, std::string_view value, bool path) {
  const auto who = [&](std::string_view what) {
    return std::string(path ? "path" : "query") + " parameter '" + std::string(name) + "' " +
           std::string(what);
  };
  if (!is_utf8(value)) return refuse("not_utf8", who("is not UTF-8"));
  if (!is_field_value(value) || value.find('\t') != std::string_view::npos)
    return refuse("illegal_byte", who("holds a control byte"));
  if (!path) return {};
  if (value.empty()) return refuse("empty_path_param", who("is empty"));
  if (has_dot_segment(value))
    return refuse("dot_segment",
                  who("is or holds a '.' or '..' segment, which servers resolve to another path"));
  return {};
}

}  // namespace

Result<UriTemplate> UriTemplate::compile(std::string_view text) {
  UriTemplate result;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto open = rest.find('{');
    const std::string_view literal = rest.substr(0, open);
    if (literal.find('}') != std::string_view::npos)
      return refuse("template", "template '" + printable(text) + "': a '}' without '{'");
    if (!is_uri_text(literal))
      return refuse("template", "template '" + printable(text) +
                                    "': bytes that no URI holds as they are must be "
                                    "percent-encoded");
    if (!literal.empty()) {
      Part part;
      part.literal = literal;
      result.parts_.push_back(std::move(part));
    }
    if (open == std::string_view::npos) break;
    const auto close = rest.find('}', open);
    if (close == std::string_view::npos)
      return refuse("template", "template '" + printable(text) + "': a '{' without '}'");
    if (auto added = result.add_expression(rest.substr(open + 1, close - open - 1), text); !added)
      return std::move(added).error();
    rest.remove_prefix(close + 1);
  }
  return result;
}

Result<void> UriTemplate::add_expression(std::string_view inner, std::string_view whole) {
  constexpr std::string_view operators = "+#./;?&";
  Part part;
  if (!inner.empty() && operators.find(inner.front()) != std::string_view::npos) {
    part.op = inner.front();
    inner.remove_prefix(1);
  }
  if (part.op == '#')
    return refuse("template", "template '" + printable(whole) +
                                  "': '{#' makes a fragment, which no request carries; '{+' "
                                  "keeps the same bytes in the path");
  part.names_at = names_.size();
  while (true) {
    const auto comma = inner.find(',');
    const std::string_view name = inner.substr(0, comma);
    const bool sound = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             c == '_' || c == '-';
    });
    if (!sound)
      return refuse("template",
                    "template '" + printable(whole) +
                        "': expected a name of letters, digits, '_' and '-' between braces");
    names_.emplace_back(name);
    if (comma == std::string_view::npos) break;
    inner.remove_prefix(comma + 1);
  }
  part.names_count = names_.size() - part.names_at;
  parts_.push_back(std::move(part));
  return {};
}

Result<void> UriTemplate::expand(std::string& out, const Lookup& lookup) const {
  const std::size_t begin = out.size();
  for (const Part& part : parts_) {
    if (part.names_count == 0) {
      out += part.literal;
    } else if (auto expanded = expand_part(out, part, lookup); !expanded) {
      return expanded;
    }
  }
  if (leads_elsewhere(std::string_view(out).substr(begin)))
    return refuse("dot_segment",
                  "the path, once expanded, has a '.' or '..' segment, which servers "
                  "resolve to another path");
  return {};
}

Result<void> UriTemplate::expand_part(std::string& out, const Part& part,
                                      const Lookup& lookup) const {
  const bool reserved = part.op == '+';
  const bool named = in_query(part.op) || part.op == ';';
  const char separator = part.op == '?' ? '&' : part.op == 0 || part.op == '+' ? ',' : part.op;
  bool first = true;
  for (std::size_t i = 0; i < part.names_count; ++i) {
    const std::string& name = names_[part.names_at + i];
    const auto value = lookup(name);
    if (!value) {
      if (in_query(part.op)) continue;
      return refuse("missing_parameter", "path parameter '" + name + "' is required");
    }
    if (auto checked = check_value(name, *value, !in_query(part.op)); !checked) return checked;
    if (reserved && has_encoded_dots(*value))
      return refuse("dot_segment", "path parameter '" + name +
                                       "' holds an encoded dot, which servers resolve like '.'");
    if (first && part.op != 0 && part.op != '+') {
      out += part.op;
    } else if (!first) {
      out += separator;
    }
    first = false;
    if (named) out.append(name).append(1, '=');
    reserved ? append_kept(out, *value) : append_encoded(out, *value);
  }
  return {};
}

}  // namespace callerapi::wire
