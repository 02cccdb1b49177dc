#include "wire/address_range.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace callerapi::wire {
namespace {

struct Numeric {
  std::array<std::uint8_t, 16> bytes{};
  bool v4 = false;
};

std::optional<Numeric> read(const std::string& host) {
  Numeric out;
  out.v4 = ::inet_pton(AF_INET, host.c_str(), out.bytes.data()) == 1;
  if (out.v4 || ::inet_pton(AF_INET6, host.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

void unwrap_v4(Numeric& address) {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xff, 0x9b};
  const auto front = std::span(address.bytes).first(12);
  if (address.v4 || (!std::ranges::equal(front, mapped) && !std::ranges::equal(front, nat64)))
    return;
  Numeric inner;
  inner.v4 = true;
  std::ranges::copy(std::span(address.bytes).last(4), inner.bytes.begin());
  address = inner;
}

bool bit(const std::array<std::uint8_t, 16>& bytes, int index) {
  return ((bytes[static_cast<std::size_t>(index / 8)] >> (7 - index % 8)) & 1) != 0;
}

}  // namespace

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = read(std::string(text.substr(0, slash)));
  if (!address) return std::nullopt;
  AddressRange range;
  range.bytes_ = address->bytes;
  range.v4_ = address->v4;
  const int bits = range.v4_ ? 32 : 128;
  range.prefix_ = bits;
  if (slash == std::string_view::npos) return range;
  const std::string_view digits = text.substr(slash + 1);
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), range.prefix_);
  if (error != std::errc() || stop != digits.data() + digits.size() || range.prefix_ < 0 ||
      range.prefix_ > bits)
    return std::nullopt;
  for (int i = range.prefix_; i < bits; ++i)
    if (bit(range.bytes_, i)) return std::nullopt;
  return range;
}

std::string AddressRange::text() const {
  std::array<char, INET6_ADDRSTRLEN> shown{};
  ::inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), shown.data(), shown.size());
  const bool one = prefix_ == (v4_ ? 32 : 128);
  return std::string(shown.data()) + (one ? "" : "/" + std::to_string(prefix_));
}

bool AddressRange::contains(const std::string& host) const {
  // A zone, "fe80::1%eth0", says by which interface, not to whom.
  auto address = read(host.substr(0, host.find('%')));
  if (!address) return false;
  unwrap_v4(*address);
  if (address->v4 != v4_) return false;
  for (int i = 0; i < prefix_; ++i)
    if (bit(bytes_, i) != bit(address->bytes, i)) return false;
  return true;
}

bool may_connect(const std::string& host, std::span<const AddressRange> allowed) {
  const auto holds = [&](const AddressRange& range) { return range.contains(host); };
  if (!allowed.empty()) return std::ranges::any_of(allowed, holds);
  static const std::array link_local{*AddressRange::parse("169.254.0.0/16"),
                                     *AddressRange::parse("fe80::/10")};
  return std::ranges::none_of(link_local, holds);
}

}  // namespace callerapi::wire
