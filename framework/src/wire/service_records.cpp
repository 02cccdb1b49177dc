#include "wire/service_records.hpp"

#include <ares.h>
#include <arpa/nameser.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::wire {
namespace {

Error refuse(const char* reason, std::string why) {
  return {.outcome = Outcome::dns_error,
          .reason = reason,
          .message = std::move(why),
          .phase = Phase::dns};
}

/// Goes through a message; every read may come to its end.
class Message {
 public:
  explicit Message(std::span<const unsigned char> bytes) : bytes_(bytes) {}

  std::optional<std::uint32_t> number(std::size_t octets) {
    if (bytes_.size() - at_ < octets) return {};
    std::uint32_t value = 0;
    for (; octets > 0; --octets) value = value << 8 | bytes_[at_++];
    return value;
  }
  bool skip(std::size_t octets) {
    if (bytes_.size() - at_ < octets) return false;
    at_ += octets;
    return true;
  }
  /// Compressed or not; c-ares bounds what pointers may do.
  std::optional<std::string> name() {
    char* text = nullptr;
    long length = 0;
    if (at_ >= bytes_.size() ||
        ares_expand_name(bytes_.data() + at_, bytes_.data(), static_cast<int>(bytes_.size()), &text,
                         &length) != ARES_SUCCESS)
      return {};
    const std::unique_ptr<char, void (*)(char*)> freed(text,
                                                       [](char* one) { ares_free_string(one); });
    at_ += static_cast<std::size_t>(length);
    return std::string(text);
  }

 private:
  std::span<const unsigned char> bytes_;
  std::size_t at_ = 0;
};

/// False: the message ends too early. Records of other types, an alias say, only bound the TTL.
bool read_record(Message& message, ServiceRecords& into, std::uint32_t& ttl) {
  if (!message.name()) return false;
  const auto type = message.number(2), group = message.number(2), seconds = message.number(4),
             size = message.number(2);
  if (!size) return false;
  // RFC 2181 8: one with the first bit set means 0.
  ttl = std::min(ttl, *seconds > INT32_MAX ? 0 : *seconds);
  if (*type != ns_t_srv || *group != ns_c_in) return message.skip(*size);
  const auto priority = message.number(2), weight = message.number(2), port = message.number(2);
  auto target = port ? message.name() : std::nullopt;
  if (!target) return false;
  into.all.push_back({static_cast<std::uint16_t>(*priority), static_cast<std::uint16_t>(*weight),
                      static_cast<std::uint16_t>(*port), std::move(*target)});
  return true;
}

}  // namespace

Result<ServiceRecords> read_service_records(const unsigned char* bytes, std::size_t size) {
  const auto torn = [] { return refuse("malformed", "the answer cannot be read"); };
  Message message({bytes, size});
  const auto head = message.number(4), questions = message.number(2), answers = message.number(2);
  if (!answers || !head || !message.skip(4)) return torn();
  for (std::uint32_t i = 0; i < *questions; ++i)
    if (!message.name() || !message.skip(4)) return torn();
  ServiceRecords found;
  std::uint32_t ttl = INT32_MAX;
  for (std::uint32_t i = 0; i < *answers; ++i) {
    if (!read_record(message, found, ttl)) return torn();
    if (found.all.size() > service_records_max)
      return refuse("too_many", "the answer names more than " +
                                    std::to_string(service_records_max) + " instances");
  }
  if (found.all.empty()) return refuse("no_address", "the name has no SRV record");
  if (found.all.size() == 1 && found.all.front().target.empty())
    return refuse("no_address", "its SRV record says that the service is nowhere");
  for (const ServiceRecord& one : found.all)
    if (one.port == 0 || !is_host_name(one.target))
      return refuse("malformed", "an SRV record leads to \"" +
                                     printable(one.target.substr(0, 100)) + "\" port " +
                                     std::to_string(one.port) + ", which is nowhere");
  found.ttl = std::chrono::seconds(ttl);
  return found;
}

}  // namespace callerapi::wire
