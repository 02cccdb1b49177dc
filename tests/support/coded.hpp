#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

namespace callerapi::support {

/// The window bits of zlib that make each format.
inline constexpr int gzip_format = 15 + 16, zlib_format = 15, raw_format = -15;

/// `text` in one of zlib's formats, as a service would send it.
inline std::string coded(std::string_view text, int format = gzip_format) {
  z_stream z{};
  ::deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY);
  std::string out(::deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  ::deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  ::deflateEnd(&z);
  return out;
}

}  // namespace callerapi::support
