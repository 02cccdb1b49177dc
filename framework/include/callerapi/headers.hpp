#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/export.hpp"

namespace callerapi {

/// Header fields in the order they were added or received. Names compare without case
/// (RFC 9110 5.1); values are raw bytes, never decoded. All text lives in one block.
/// Thread safety: as a plain value. Views stay valid until the next change.
class CALLERAPI_API Headers {
 public:
  /// One field, borrowed: valid until the next change of the Headers.
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  /// Appends a field; existing ones of that name stay.
  void add(std::string_view name, std::string_view value);
  /// Appends to the value of the last field, behind a blank unless that is empty: an
  /// unfolded line (RFC 9112 5.2). There must be a field.
  void extend_last(std::string_view value);
  /// Replaces every field of that name by this one.
  void set(std::string_view name, std::string_view value);
  /// Drops every field of that name; answers how many there were.
  std::size_t remove(std::string_view name);
  /// Drops all but the first `size` fields; with fewer, none.
  void truncate(std::size_t size) noexcept;
  /// Drops all.
  void clear() noexcept;

  /// The first value of that name.
  std::optional<std::string_view> get(std::string_view name) const noexcept;
  /// Is there a field of that name?
  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }

  std::size_t size() const noexcept { return fields_.size(); }
  bool empty() const noexcept { return fields_.empty(); }
  /// `index` is below size().
  Field operator[](std::size_t index) const noexcept {
    const Span& f = fields_[index];
    return {{text_.data() + f.name_at, f.name_size}, {text_.data() + f.value_at, f.value_size}};
  }
  /// Bytes of all names and values.
  std::size_t bytes() const noexcept { return text_.size(); }
  /// Room for so many fields and bytes in all, so that adding them allocates nothing.
  void reserve(std::size_t fields, std::size_t bytes);

  /// Over the fields in their order; valid until the next change.
  class Iterator {
   public:
    Iterator(const Headers* owner, std::size_t index) : owner_(owner), index_(index) {}
    Field operator*() const { return (*owner_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const Headers* owner_;
    std::size_t index_;
  };
  Iterator begin() const noexcept { return {this, 0}; }
  Iterator end() const noexcept { return {this, fields_.size()}; }

 private:
  struct Span {
    std::uint32_t name_at, name_size, value_at, value_size;
  };
  std::string text_;
  std::vector<Span> fields_;
};

namespace detail {
CALLERAPI_API bool same_letters(const char* a, const char* b, std::size_t size) noexcept;
}  // namespace detail

/// Compares two field names as HTTP does: ASCII letters without case.
inline bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && detail::same_letters(a.data(), b.data(), a.size());
}

}  // namespace callerapi
