#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace callerapi::base {

/// A text that is seldom longer than a UUID: up to that it needs no block of its own. Not copied,
/// because views lead into it.
class ShortText {
 public:
  ShortText() = default;
  ShortText(const ShortText&) = delete;
  ShortText& operator=(const ShortText&) = delete;

  /// `text` is not part of this one.
  void assign(std::string_view text) {
    size_ = text.size();
    if (size_ > near_.size())
      far_ = text;
    else if (size_ > 0)
      std::memcpy(near_.data(), text.data(), size_);
  }
  /// Valid until the next assign().
  std::string_view view() const noexcept {
    return size_ > near_.size() ? std::string_view(far_) : std::string_view(near_.data(), size_);
  }

 private:
  std::size_t size_ = 0;
  std::array<char, 36> near_;
  std::string far_;
};

}  // namespace callerapi::base
