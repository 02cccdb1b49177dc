#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace callerapi::wire {

/// "10.0.0.0/8", "fd00::/8", or one address: a set of numeric addresses. A value.
class AddressRange {
 public:
  /// Nothing when the text is no range, or has bits set behind its prefix.
  static std::optional<AddressRange> parse(std::string_view text);
  /// False for what is no numeric address. IPv4 inside IPv6 (mapped, or NAT64's 64:ff9b::/96) is
  /// the IPv4 address: that is where the bytes would go.
  bool contains(const std::string& host) const;
  /// "10.0.0.0/8"; one address without its length.
  std::string text() const;

  bool operator==(const AddressRange&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v4_ = false;
  int prefix_ = 0;
};

/// May a service connect to this resolved address? With a list, only to what is on it; without one,
/// anywhere but to link-local addresses, where clouds keep their credentials (169.254.169.254).
bool may_connect(const std::string& host, std::span<const AddressRange> allowed);

}  // namespace callerapi::wire
