#include "registry/toml_file.hpp"

// Deeper values are attacks, and the parser recurses over them.
#define TOML_MAX_NESTED_VALUES 64
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "base/limits.hpp"

namespace callerapi::registry {
namespace {

namespace limits = base::limits;

Error refuse(std::string reason, const std::string& name, unsigned line, unsigned column,
             const std::string& what) {
  return {
      .outcome = Outcome::registry_invalid,
      .reason = std::move(reason),
      .message = name + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + what};
}

/// Follows TOML only as far as telling keys from strings and comments takes.
class Scanner {
 public:
  /// The column of the first dotted key that is too deep, if this line holds one.
  std::optional<unsigned> scan(std::string_view line) {
    std::size_t dots = 0;
    for (std::size_t i = 0; i < line.size();) {
      if (!open_.empty()) {
        i = skip_string(line, i);
        continue;
      }
      const char c = line[i];
      if (c == '#') break;
      if (c == '"' || c == '\'') {
        const std::string three(3, c);
        open_ = line.substr(i, 3) == three ? three : std::string(1, c);
        i += open_.size();
        continue;
      }
      if (c == '.' && ++dots > limits::registry_key_depth_max) return static_cast<unsigned>(i + 1);
      if (c == '=' || c == ',' || c == '{' || c == '}') dots = 0;
      ++i;
    }
    if (open_.size() == 1) open_.clear();  // a one-line string ends with its line
    return {};
  }

 private:
  std::size_t skip_string(std::string_view line, std::size_t i) {
    if (line[i] == '\\' && open_.front() == '"') return i + 2;
    if (line.substr(i, open_.size()) != open_) return i + 1;
    i += open_.size();
    // Up to two quotes may stand before the three that end it: they are of the string.
    const std::size_t last = open_.size() == 3 ? std::min(i + 2, line.size()) : i;
    while (i < last && line[i] == open_.front()) ++i;
    open_.clear();
    return i;
  }

  std::string open_;  ///< The delimiter of the string we are in.
};

Result<void> check_shape(std::string_view text, const std::string& name) {
  if (text.size() > limits::registry_bytes_max)
    return refuse("too_large", name, 1, 1,
                  "the file has " + std::to_string(text.size()) + " bytes, at most " +
                      std::to_string(limits::registry_bytes_max) + " are read");
  Scanner scanner;
  for (unsigned number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.size() > limits::registry_line_bytes_max)
      return refuse("too_large", name, number, 1,
                    "the line has " + std::to_string(line.size()) + " bytes, at most " +
                        std::to_string(limits::registry_line_bytes_max) + " are read");
    if (const auto column = scanner.scan(line))
      return refuse(
          "too_deep", name, number, *column,
          "the key has more than " + std::to_string(limits::registry_key_depth_max) + " parts");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

Node::Place place(const toml::source_position& position) {
  return {static_cast<unsigned>(position.line), static_cast<unsigned>(position.column)};
}

Node convert(const toml::node& from) {
  Node node;
  node.at = place(from.source().begin);
  node.end = place(from.source().end);
  if (const auto* table = from.as_table()) {
    node.kind = Node::Kind::table;
    for (auto&& [key, value] : *table) {
      Node member = convert(value);
      member.key = key.str();
      member.key_at = place(key.source().begin);
      node.members.push_back(std::move(member));
    }
  } else if (const auto* array = from.as_array()) {
    node.kind = Node::Kind::array;
    for (auto&& element : *array) node.members.push_back(convert(element));
  } else if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::text;
    node.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::integer;
    node.text = std::to_string(integer->get());
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.text = boolean->get() ? "true" : "false";
  } else {
    node.kind = Node::Kind::other;
  }
  return node;
}

}  // namespace

std::string_view name(Node::Kind kind) noexcept {
  constexpr std::string_view names[] = {"a text",  "a whole number", "true or false",
                                        "a table", "an array",       "a value of another type"};
  return names[static_cast<std::size_t>(kind)];
}

Result<Node> parse_toml(std::string_view text, const std::string& shown_name) {
  if (auto sound = check_shape(text, shown_name); !sound) return std::move(sound).error();
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& e) {
    const Node::Place at = place(e.source().begin);
    const std::string_view what = e.description();
    const bool twice = what.find("redefine") != what.npos || what.find("duplicate") != what.npos;
    // The parser quotes the file, control bytes included.
    std::string line(what.substr(0, 256));
    for (char& c : line)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return refuse(twice ? "duplicate_key" : "syntax", shown_name, at.line, at.column, line);
  }
}

}  // namespace callerapi::registry
