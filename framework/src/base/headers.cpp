#include "callerapi/headers.hpp"

#include <functional>
#include <string>
#include <utility>

namespace callerapi {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Writes `text` at `at`; answers where it ends.
char* put(char* at, std::string_view text) noexcept {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

bool detail::same_letters(const char* a, const char* b, std::size_t size) noexcept {
  // Most peers write names as the RFCs do.
  if (std::memcmp(a, b, size) == 0) return true;
  for (std::size_t i = 0; i < size; ++i)
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  return true;
}

Headers::Headers(const Headers& other) {
  if (other.used_ == 0) return;
  reserve(0, other.used_);
  std::memcpy(block_.get(), other.block_.get(), other.used_);
  used_ = other.used_;
  size_ = other.size_;
  name_sizes_ = other.name_sizes_;
}

Headers::Field Headers::operator[](std::size_t index) const noexcept {
  Iterator at = begin();
  while (index-- > 0) ++at;
  return *at;
}

void Headers::reserve(std::size_t fields, std::size_t bytes) {
  const std::size_t room = fields * sizeof(Sizes) + bytes;
  if (room <= room_) return;
  // NOLINTNEXTLINE(modernize-make-unique): it would fill with zeros what is written next
  std::unique_ptr<char[]> grown(new char[room]);
  if (used_ > 0) std::memcpy(grown.get(), block_.get(), used_);
  block_ = std::move(grown);
  room_ = room;
}

/// Makes room for `bytes` more. The old block, to which views may lead, is for the caller to keep
/// until they were copied; null: there was room.
std::unique_ptr<char[]> Headers::grow(std::size_t bytes) {
  if (room_ - used_ >= bytes) return nullptr;
  Headers grown;
  grown.reserve(0, 2 * (used_ + bytes));
  if (used_ > 0) std::memcpy(grown.block_.get(), block_.get(), used_);
  block_.swap(grown.block_);
  room_ = grown.room_;
  return std::move(grown.block_);
}

void Headers::add(std::string_view name, std::string_view value) {
  const Sizes sizes{static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(value.size())};
  const auto old = grow(sizeof sizes + name.size() + value.size());
  char* const at = block_.get() + used_;
  std::memcpy(at, &sizes, sizeof sizes);
  put(put(at + sizeof sizes, name), value);
  used_ += sizeof sizes + name.size() + value.size();
  ++size_;
  name_sizes_ |= bit_of(name);
}

void Headers::extend_last(std::string_view value) {
  Iterator last = begin();
  for (std::size_t i = 1; i < size_; ++i) ++last;
  const Field field = *last;
  const std::string_view blank = field.value.empty() ? "" : " ";
  const Sizes sizes{static_cast<std::uint32_t>(field.name.size()),
                    static_cast<std::uint32_t>(field.value.size() + blank.size() + value.size())};
  const std::ptrdiff_t front =
      field.name.data() - block_.get() - static_cast<std::ptrdiff_t>(sizeof sizes);
  const auto old = grow(blank.size() + value.size());
  put(put(block_.get() + used_, blank), value);
  used_ += blank.size() + value.size();
  std::memcpy(block_.get() + front, &sizes, sizeof sizes);
}

void Headers::set(std::string_view name, std::string_view value) {
  // The new one first: its text may be that of one that goes.
  add(name, value);
  remove((*this)[size_ - 1].name, size_ - 1);
}

std::size_t Headers::remove(std::string_view name) {
  const std::less<const char*> before;
  const bool own = !before(name.data(), block_.get()) && before(name.data(), block_.get() + used_);
  return own ? remove(std::string(name), size_) : remove(name, size_);
}

/// Of the first `most` fields; `name` may be that of a later one.
std::size_t Headers::remove(std::string_view name, std::size_t most) {
  std::size_t removed = 0;
  char* to = block_.get();
  const char* from = to;
  for (std::size_t i = 0; i < size_; ++i) {
    const Field field = *Iterator(from);
    const auto size = sizeof(Sizes) + field.name.size() + field.value.size();
    if (i < most && same_name(field.name, name)) {
      ++removed;
    } else {
      if (removed > 0) std::memmove(to, from, size);
      to += size;
    }
    from += size;
  }
  used_ = static_cast<std::size_t>(to - block_.get());
  size_ -= removed;
  return removed;
}

void Headers::truncate(std::size_t size) noexcept {
  if (size >= size_) return;
  Iterator end = begin();
  for (size_ = 0; size_ < size; ++size_) ++end;
  used_ = static_cast<std::size_t>((*end).name.data() - block_.get()) - sizeof(Sizes);
}

std::optional<std::string_view> Headers::find(std::string_view name) const noexcept {
  for (const auto [known, value] : *this)
    if (same_name(known, name)) return value;
  return std::nullopt;
}

}  // namespace callerapi
