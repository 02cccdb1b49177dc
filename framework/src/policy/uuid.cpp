#include "policy/uuid.hpp"

namespace callerapi::policy {

Uuid uuid_v7(std::int64_t unix_ms, std::uint64_t random_a, std::uint64_t random_b) noexcept {
  std::uint64_t high = (static_cast<std::uint64_t>(unix_ms) << 16) | 0x7000 | (random_a & 0x0fff);
  std::uint64_t low = (random_b & 0x3fffffffffffffffu) | 0x8000000000000000u;
  constexpr char digits[] = "0123456789abcdef";
  std::array<char, 32> hex;
  for (std::size_t i = 16; i-- > 0; high >>= 4) hex[i] = digits[high & 15];
  for (std::size_t i = 32; i-- > 16; low >>= 4) hex[i] = digits[low & 15];
  Uuid text;
  for (std::size_t i = 0, at = 0; i < hex.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text[at++] = '-';
    text[at++] = hex[i];
  }
  return text;
}

}  // namespace callerapi::policy
