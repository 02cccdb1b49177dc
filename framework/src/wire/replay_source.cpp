#include "wire/replay_source.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace callerapi::wire {

ReplaySource::ReplaySource(std::shared_ptr<BodySource> inner, std::size_t kept_max)
    : inner_(std::move(inner)),
      kept_max_(kept_max),
      whole_(inner_->length().value_or(0) <= kept_max) {}

Result<std::size_t> ReplaySource::read(std::span<char> into) {
  if (at_ < kept_.size()) {
    const std::size_t size = std::min(into.size(), kept_.size() - at_);
    std::memcpy(into.data(), kept_.data() + at_, size);
    at_ += size;
    if (!whole_) free_what_was_given();
    return size;
  }
  if (inner_ended_) return std::size_t{0};
  auto got = inner_->read(into);
  if (!got) return got;
  inner_ended_ = *got == 0;
  // One that claims more than it was asked for is refused by whoever asked.
  if (whole_ && *got <= into.size()) keep(into.first(*got));
  return got;
}

void ReplaySource::keep(std::span<const char> bytes) {
  const std::size_t size = kept_.size() + bytes.size();
  if (size > kept_max_) return forget();
  if (size > kept_.capacity()) {
    const auto all = inner_->length();
    kept_.reserve(all ? std::max<std::size_t>(static_cast<std::size_t>(*all), size)
                      : std::min(kept_max_, std::max(size, 2 * kept_.capacity())));
  }
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
  at_ = kept_.size();
}

bool ReplaySource::rewind() {
  // A source that fails to rewind may have moved all the same: it is asked only without a choice.
  if (!whole_ && !inner_->rewind()) return false;
  if (!whole_) {
    inner_ended_ = false;
    std::vector<char>().swap(kept_);
  }
  at_ = 0;
  return true;
}

void ReplaySource::forget() noexcept {
  whole_ = false;
  free_what_was_given();
}

void ReplaySource::free_what_was_given() noexcept {
  if (at_ < kept_.size()) return;
  std::vector<char>().swap(kept_);
  at_ = 0;
}

}  // namespace callerapi::wire
