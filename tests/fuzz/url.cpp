// base_url of the registry: what is accepted can be sent as it stands and read again.
#include "wire/url.hpp"

#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi;
  using namespace callerapi::fuzz;
  const std::string_view text = Input(data, size).rest();
  const auto url = wire::parse_base_url(text);
  if (!url) {
    must_be_sound(url.error());
    return 0;
  }
  // A socket has a path in place of host and port, which its own rules cover.
  if (url->scheme == "unix") return 0;
  must(url->port != 0, "a port is not 0");
  must(!url->host.empty() && is_uri(url->host), "a host is made of URI bytes");
  must(url->host.find_first_of("/@%?#") == std::string::npos, "a host cannot become another");
  must(is_uri(url->path), "a path is made of URI bytes");
  must(url->path.empty() || url->path.front() == '/', "a path begins with a slash");
  must(!url->path.ends_with('/'), "a path ends with no slash");
  must(url->path.find_first_of("?#") == std::string::npos, "a base has no query");
  must(!has_dot_segment(url->path), "a path has no dot segment");

  const auto again = wire::parse_base_url(url->scheme + "://" + url->authority() + url->path);
  must(again && again->host == url->host && again->port == url->port && again->path == url->path,
       "what was taken apart can be put together");
  return 0;
}
