#include "wire/resolve.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <memory>

namespace callerapi::wire {

std::optional<Address> numeric_address(const std::string& host, std::uint16_t port) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
      ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1)
    return Address{host, port};
  return std::nullopt;
}

Result<std::vector<Address>> look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* raw = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(raw, &::freeaddrinfo);
  if (status != 0) {
    const char* reason = status == EAI_NONAME  ? "not_found"
                         : status == EAI_AGAIN ? "temporary"
                                               : "failed";
    return Error{.outcome = Outcome::dns_error,
                 .reason = reason,
                 .message = host + ": name lookup: " + ::gai_strerror(status),
                 .phase = Phase::dns};
  }
  std::vector<Address> found;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    std::array<char, NI_MAXHOST> text;
    if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0)
      found.push_back({text.data(), port});
  }
  if (found.empty())
    return Error{.outcome = Outcome::dns_error,
                 .reason = "not_found",
                 .message = host + ": the name has no address",
                 .phase = Phase::dns};
  return found;
}

}  // namespace callerapi::wire
