#include "policy/uuid.hpp"

#include <cstring>

#include "base/random.hpp"

namespace callerapi::policy {
namespace {

struct Pairs {
  char digits[256][2];
};

constexpr Pairs pairs = [] {
  constexpr char hex[] = "0123456789abcdef";
  Pairs all{};
  for (int byte = 0; byte < 256; ++byte) {
    all.digits[byte][0] = hex[byte >> 4];
    all.digits[byte][1] = hex[byte & 15];
  }
  return all;
}();

/// The lowest `count` bytes of `value` in hexadecimal; answers what is behind them.
char* put(char* at, std::uint64_t value, int count) noexcept {
  for (int shift = 8 * count; shift > 0; at += 2)
    std::memcpy(at, pairs.digits[(value >> (shift -= 8)) & 0xff], 2);
  return at;
}

}  // namespace

Uuid uuid_v7(std::int64_t unix_ms, std::uint64_t random_a, std::uint64_t random_b) noexcept {
  const auto ms = static_cast<std::uint64_t>(unix_ms);
  const std::uint64_t low = (random_b & 0x3fffffffffffffffu) | 0x8000000000000000u;
  Uuid text;
  char* at = put(text.data(), ms >> 16, 4);
  *at++ = '-';
  at = put(at, ms, 2);
  *at++ = '-';
  at = put(at, 0x7000 | (random_a & 0x0fff), 2);
  *at++ = '-';
  at = put(at, low >> 48, 2);
  *at++ = '-';
  put(at, low, 6);
  return text;
}

Uuid uuid_v7(std::int64_t unix_ms, std::uint64_t random) noexcept {
  base::Random bits(random);
  const std::uint64_t first = bits.next();
  return uuid_v7(unix_ms, first, bits.next());
}

}  // namespace callerapi::policy
