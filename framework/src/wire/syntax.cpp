#include "wire/syntax.hpp"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>

#include "callerapi/headers.hpp"

namespace callerapi::wire {
namespace {

constexpr std::array<bool, 256> token_bytes = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

constexpr bool is_field_byte(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 || byte == '\t') && byte != 0x7f;
}

constexpr std::size_t half = 8, whole = 16;  // bytes that are looked at together

__m128i load(const char* at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
/// A text of 8 to 16 bytes, some of them twice.
__m128i load_short(std::string_view text) noexcept {
  const char* const last = text.data() + text.size() - half;
  return _mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(text.data())),
                            _mm_loadl_epi64(reinterpret_cast<const __m128i*>(last)));
}
/// A bit of each byte.
unsigned bits_of(__m128i found) noexcept { return static_cast<unsigned>(_mm_movemask_epi8(found)); }
constexpr unsigned all_bits = 0xffff;

/// Which are of a to z, signed: those above ASCII are none.
__m128i between(__m128i bytes, char a, char z) noexcept {
  return _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8(static_cast<char>(a - 1))),
                       _mm_cmplt_epi8(bytes, _mm_set1_epi8(static_cast<char>(z + 1))));
}
/// Which are letters, digits or '-', as nearly all of a name are?
unsigned name_bits(__m128i bytes) noexcept {
  const __m128i letters = between(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
  const __m128i others =
      _mm_or_si128(between(bytes, '0', '9'), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
  return bits_of(_mm_or_si128(letters, others));
}
/// Are all what is_field_byte() lets pass?
bool are_field_bytes(__m128i bytes) noexcept {
  const __m128i high = _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(0x20)), bytes);
  const __m128i sound = _mm_or_si128(high, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')));
  return bits_of(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)), sound)) == all_bits;
}

}  // namespace

std::size_t token_size(std::string_view text) noexcept {
  std::size_t size = 0;
  unsigned named = all_bits;
  while (named == all_bits && size + whole <= text.size()) {
    named = name_bits(load(text.data() + size));
    size += static_cast<std::size_t>(std::countr_one(named));
  }
  while (size < text.size() && token_bytes[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

bool is_token(std::string_view text) noexcept {
  if (text.size() >= half && text.size() <= whole && name_bits(load_short(text)) == all_bits)
    return true;
  return !text.empty() && token_size(text) == text.size();
}

bool is_field_value(std::string_view text) noexcept {
  if (text.size() < half) return std::ranges::all_of(text, is_field_byte);
  if (text.size() <= whole) return are_field_bytes(load_short(text));
  for (std::size_t at = 0; at + whole < text.size(); at += whole)
    if (!are_field_bytes(load(text.data() + at))) return false;
  return are_field_bytes(load(text.data() + text.size() - whole));
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_forbidden_trailer(std::string_view name) noexcept {
  constexpr std::string_view forbidden[] = {
      "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive",       "TE",
      "Trailer",        "Upgrade",           "Host",       "Content-Encoding", "Content-Type",
      "Content-Range",  "Authorization",     "Set-Cookie", "WWW-Authenticate", "Cache-Control",
      "Location",       "Retry-After"};
  return std::ranges::any_of(forbidden, [&](std::string_view f) { return same_name(f, name); }) ||
         (name.size() > 6 && same_name(name.substr(0, 6), "Proxy-"));
}

std::string printable(std::string_view bytes, std::size_t shown_max) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes.substr(0, shown_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += "\\x";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  if (bytes.size() > shown_max) text += "...";
  return text;
}

}  // namespace callerapi::wire
