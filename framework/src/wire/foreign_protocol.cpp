#include "wire/foreign_protocol.hpp"

namespace callerapi::wire {

Foreign foreign_protocol(std::string_view begin) noexcept {
  constexpr std::string_view ssh = "SSH-";
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(begin[i]); };
  if (begin.empty()) return {};
  if (at(0) == 0x15 || at(0) == 0x16) {
    if (begin.size() == 1) return {.what = {}, .more = true};
    if (at(1) == 0x03) return {"this is a TLS record; the port expects https"};
  }
  if (at(0) == 0) {
    const bool fits = begin.size() < 2 || at(1) == 0;
    if (begin.size() < 4) return {.what = {}, .more = fits};
    if (fits && (at(3) == 0x04 || at(3) == 0x07))
      return {"this is an HTTP/2 frame; the port expects HTTP/2"};
  }
  if (begin.starts_with(ssh)) return {"this is an SSH banner"};
  return {.what = {}, .more = ssh.starts_with(begin)};
}

}  // namespace callerapi::wire
