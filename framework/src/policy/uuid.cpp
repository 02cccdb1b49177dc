#include "policy/uuid.hpp"

#include "base/random.hpp"

namespace callerapi::policy {
namespace {

/// The lowest `count` hexadecimal digits of `value`; answers what is behind them.
char* put(char* at, std::uint64_t value, int count) noexcept {
  constexpr char digits[] = "0123456789abcdef";
  for (int i = count; i-- > 0; value >>= 4) at[i] = digits[value & 15];
  return at + count;
}

}  // namespace

Uuid uuid_v7(std::int64_t unix_ms, std::uint64_t random_a, std::uint64_t random_b) noexcept {
  const auto ms = static_cast<std::uint64_t>(unix_ms);
  const std::uint64_t low = (random_b & 0x3fffffffffffffffu) | 0x8000000000000000u;
  Uuid text;
  char* at = put(text.data(), ms >> 16, 8);
  *at++ = '-';
  at = put(at, ms, 4);
  *at++ = '-';
  at = put(at, 0x7000 | (random_a & 0x0fff), 4);
  *at++ = '-';
  at = put(at, low >> 48, 4);
  *at++ = '-';
  put(at, low, 12);
  return text;
}

Uuid uuid_v7(std::int64_t unix_ms, std::uint64_t random) noexcept {
  base::Random bits(random);
  const std::uint64_t first = bits.next();
  return uuid_v7(unix_ms, first, bits.next());
}

}  // namespace callerapi::policy
