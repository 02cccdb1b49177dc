#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "callerapi/body.hpp"

namespace callerapi::wire {

/// Gives the bytes of a source that is read once, and keeps them so that they can be given again.
/// At most `kept_max` are kept: a body that turns out longer is kept no further, what was kept is
/// freed at once, and rewind() is then as good as that of the source. Takes no memory before its
/// first byte, and none for a body whose declared length is too long. One thread at a time.
class ReplaySource final : public BodySource {
 public:
  ReplaySource(std::shared_ptr<BodySource> inner, std::size_t kept_max);

  Result<std::size_t> read(std::span<char> into) override;
  std::optional<std::uint64_t> length() const override { return inner_->length(); }
  bool rewind() override;

  /// No rewind() will follow: what was given already is freed.
  void forget() noexcept;
  /// Bytes held now.
  std::size_t kept() const noexcept { return kept_.size(); }

 private:
  void keep(std::span<const char> bytes);
  void free_what_was_given() noexcept;

  const std::shared_ptr<BodySource> inner_;
  const std::size_t kept_max_;
  std::vector<char> kept_;  ///< All bytes that `inner_` has given, while `whole_`.
  std::size_t at_ = 0;      ///< The next of them to give.
  bool whole_ = true;
  bool inner_ended_ = false;
};

}  // namespace callerapi::wire
