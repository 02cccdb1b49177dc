#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

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

  Headers() = default;
  Headers(const Headers& other);
  Headers& operator=(const Headers& other) { return *this = Headers(other); }
  /// What was moved from is empty.
  Headers(Headers&& other) noexcept
      : block_(std::move(other.block_)),
        room_(std::exchange(other.room_, 0)),
        used_(std::exchange(other.used_, 0)),
        size_(std::exchange(other.size_, 0)),
        name_sizes_(std::exchange(other.name_sizes_, 0)) {}
  Headers& operator=(Headers&& other) noexcept {
    block_ = std::move(other.block_);
    room_ = std::exchange(other.room_, 0);
    used_ = std::exchange(other.used_, 0);
    size_ = std::exchange(other.size_, 0);
    name_sizes_ = std::exchange(other.name_sizes_, 0);
    return *this;
  }
  ~Headers() = default;

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
  void clear() noexcept {
    used_ = 0;
    size_ = 0;
    name_sizes_ = 0;
  }

  /// The first value of that name.
  std::optional<std::string_view> get(std::string_view name) const noexcept {
    if ((name_sizes_ & bit_of(name)) == 0) return std::nullopt;
    return find(name);
  }
  /// Is there a field of that name?
  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// `index` is below size(); goes over those before it.
  Field operator[](std::size_t index) const noexcept;
  /// Bytes of all names and values.
  std::size_t bytes() const noexcept { return used_ - size_ * sizeof(Sizes); }
  /// Room for so many fields and bytes in all, so that adding them allocates nothing.
  void reserve(std::size_t fields, std::size_t bytes);

  /// Over the fields in their order; valid until the next change.
  class Iterator {
   public:
    explicit Iterator(const char* at) noexcept : at_(at) {}
    Field operator*() const noexcept {
      const Sizes sizes = sizes_at(at_);
      const char* const name = at_ + sizeof sizes;
      return {{name, sizes.name}, {name + sizes.name, sizes.value}};
    }
    Iterator& operator++() noexcept {
      const Sizes sizes = sizes_at(at_);
      at_ += sizeof sizes + sizes.name + sizes.value;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const char* at_;
  };
  Iterator begin() const noexcept { return Iterator(block_.get()); }
  Iterator end() const noexcept { return Iterator(block_.get() + used_); }

 private:
  /// Stand before each field's name, which its value follows.
  struct Sizes {
    std::uint32_t name, value;
  };
  static std::uint64_t bit_of(std::string_view name) noexcept {
    return std::uint64_t{1} << (name.size() % 64);
  }
  std::optional<std::string_view> find(std::string_view name) const noexcept;
  std::size_t remove(std::string_view name, std::size_t most);
  static Sizes sizes_at(const char* at) noexcept {
    Sizes sizes;
    std::memcpy(&sizes, at, sizeof sizes);
    return sizes;
  }
  std::unique_ptr<char[]> grow(std::size_t bytes);
  std::unique_ptr<char[]> block_;
  std::size_t room_ = 0, used_ = 0;  ///< Bytes of the block.
  std::size_t size_ = 0;
  std::uint64_t name_sizes_ = 0;  ///< Of all that were added, to know at once what is not there.
};

namespace detail {
CALLERAPI_API bool same_letters(const char* a, const char* b, std::size_t size) noexcept;
}  // namespace detail

/// Compares two field names as HTTP does: ASCII letters without case.
inline bool same_name(std::string_view a, std::string_view b) noexcept {
  // Most names of a size differ in their first letter.
  return a.size() == b.size() && (a.empty() || ((a[0] ^ b[0]) & ~0x20) == 0) &&
         detail::same_letters(a.data(), b.data(), a.size());
}

}  // namespace callerapi
