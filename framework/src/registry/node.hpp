#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace callerapi::registry {

/// One value of a TOML document, free of the parser that read it. A value.
struct Node {
  enum class Kind : std::uint8_t { text, integer, boolean, table, array, other };
  struct Place {
    unsigned line = 1, column = 1;  ///< From 1; columns count code points.
  };

  std::string key;
  Kind kind = Kind::table;
  Place at;                   ///< Of the value.
  Place end;                  ///< One behind the value.
  Place key_at;               ///< Of its key.
  std::string text;           ///< Of a text, integer ("3") or boolean ("true").
  std::vector<Node> members;  ///< Of a table, sorted by key; of an array, in order.

  /// Null when there is none.
  const Node* find(std::string_view name) const noexcept {
    const auto found = std::ranges::find(members, name, &Node::key);
    return found == members.end() ? nullptr : &*found;
  }
};

/// "a text", "a whole number", "true or false", "a table", "an array", "a value of
/// another type".
std::string_view name(Node::Kind) noexcept;

}  // namespace callerapi::registry
