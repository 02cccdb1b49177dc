#include "callerapi/headers.hpp"

#include <algorithm>
#include <utility>

namespace callerapi {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool detail::same_letters(const char* a, const char* b, std::size_t size) noexcept {
  for (std::size_t i = 0; i < size; ++i)
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  return true;
}

void Headers::add(std::string_view name, std::string_view value) {
  const auto at = static_cast<std::uint32_t>(text_.size());
  const auto name_size = static_cast<std::uint32_t>(name.size());
  if (text_.capacity() - text_.size() < name.size() + value.size()) {
    // Both may be views into this very block, so the old one lives until they are copied.
    std::string grown;
    grown.reserve(2 * (text_.size() + name.size() + value.size()));
    grown.append(text_).append(name).append(value);
    text_ = std::move(grown);
  } else {
    text_.append(name).append(value);
  }
  fields_.push_back({at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
}

void Headers::extend_last(std::string_view value) {
  // The name of a copied field is in the block, so add() sees it safely; its old text stays behind.
  Span& last = fields_.back();
  if (last.value_at + last.value_size != text_.size()) {
    const Field field = (*this)[fields_.size() - 1];
    add(field.name, field.value);
    fields_.erase(fields_.end() - 2);
    return extend_last(value);
  }
  if (last.value_size > 0) text_.append(" ");
  text_.append(value);
  last.value_size = static_cast<std::uint32_t>(text_.size()) - last.value_at;
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

std::size_t Headers::remove(std::string_view name) {
  // The text of a removed field stays behind in the block; fields are few and short-lived.
  return std::erase_if(fields_, [&](const Span& f) {
    return same_name(std::string_view(text_).substr(f.name_at, f.name_size), name);
  });
}

void Headers::truncate(std::size_t size) noexcept {
  if (size >= fields_.size()) return;
  fields_.resize(size);
  std::size_t end = 0;
  for (const Span& f : fields_)
    end = std::max<std::size_t>(end, std::max(f.name_at + f.name_size, f.value_at + f.value_size));
  text_.resize(end);
}

void Headers::clear() noexcept {
  text_.clear();
  fields_.clear();
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < fields_.size(); ++i)
    if (const Field field = (*this)[i]; same_name(field.name, name)) return field.value;
  return std::nullopt;
}

void Headers::reserve(std::size_t fields, std::size_t bytes) {
  fields_.reserve(fields);
  text_.reserve(bytes);
}

}  // namespace callerapi
