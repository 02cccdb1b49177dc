#include "wire/link.hpp"

#include <algorithm>
#include <utility>

#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

/// Reads one Link field from left to right.
class LinkReader {
 public:
  explicit LinkReader(std::string_view text) : text_(text) {}

  /// The next link; false at the end, or where the grammar is broken.
  bool next() {
    while (skip(' ') || skip('\t') || skip(',')) {
    }
    if (!skip('<')) return false;
    const auto end = text_.find('>');
    if (end == std::string_view::npos) return false;
    target = text_.substr(0, end);
    relations.reset();
    text_.remove_prefix(end + 1);
    while (blanks(), skip(';'))
      if (!parameter()) return false;
    return text_.empty() || text_.front() == ',';
  }

  std::string_view target;
  std::optional<std::string> relations;  ///< The value of `rel`; only the first counts.

 private:
  bool skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void blanks() {
    while (skip(' ') || skip('\t')) {
    }
  }

  bool parameter() {
    blanks();
    const std::string_view name = token();
    if (name.empty()) return text_.empty() || text_.front() == ';' || text_.front() == ',';
    blanks();
    std::string value;
    if (skip('=')) {
      blanks();
      if (!skip('"'))
        value = token();
      else if (!quoted(value))
        return false;
    }
    if (same_name(name, "rel") && !relations) relations = std::move(value);
    return true;
  }

  /// Wider than a token: unquoted values with '/' and ':' are seen.
  std::string_view token() {
    const std::string_view all = text_.substr(0, text_.find_first_of(" \t;,=\""));
    text_.remove_prefix(all.size());
    return all;
  }

  bool quoted(std::string& into) {
    while (!text_.empty()) {
      if (skip('"')) return true;
      skip('\\');
      if (text_.empty()) return false;
      into += text_.front();
      text_.remove_prefix(1);
    }
    return false;
  }

  std::string_view text_;
};

bool names(std::string_view relations, std::string_view rel) {
  while (!relations.empty()) {
    const auto end = std::min(relations.find(' '), relations.size());
    if (same_name(relations.substr(0, end), rel)) return true;
    relations.remove_prefix(std::min(end + 1, relations.size()));
  }
  return false;
}

}  // namespace

std::optional<std::string> link_target(const Headers& headers, std::string_view rel) {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto& field = headers[i];
    if (!same_name(field.name, "Link")) continue;
    for (LinkReader links(field.value); links.next();)
      if (links.relations && names(*links.relations, rel)) return std::string(links.target);
  }
  return {};
}

}  // namespace callerapi::wire
