#include "wire/resolve.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "base/limits.hpp"

namespace callerapi::wire {

std::optional<Address> numeric_address(const std::string& host, std::uint16_t port) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
      ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1)
    return Address{host, port};
  return std::nullopt;
}

Result<Found> look_up(const std::string& host) {
  const auto refuse = [](const char* reason, const char* text) {
    return Error{
        .outcome = Outcome::dns_error, .reason = reason, .message = text, .phase = Phase::dns};
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* raw = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(raw, &::freeaddrinfo);
  if (status != 0)
    return refuse(status == EAI_NONAME                               ? "not_found"
                  : status == EAI_NODATA || status == EAI_ADDRFAMILY ? "no_address"
                  : status == EAI_FAIL                               ? "refused"
                                                                     : "temporary",
                  ::gai_strerror(status));
  Found found;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    std::array<char, NI_MAXHOST> text;
    if (found.addresses.size() < base::limits::name_addresses_max &&
        ::getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0)
      found.addresses.emplace_back(text.data());
  }
  if (found.addresses.empty()) return refuse("no_address", "the name has no address");
  return found;
}

}  // namespace callerapi::wire
