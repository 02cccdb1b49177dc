#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace callerapi::support {

struct DnsQuestion {
  std::string name;  ///< Lower-case, without the last dot.
  bool v6 = false;   ///< AAAA, else A.
  bool tcp = false;
  bool srv = false;  ///< Neither of the two.
};

/// One SRV record.
struct DnsService {
  std::uint16_t priority, weight, port;
  std::string target;
};

/// What a scripted name server does about one question.
struct DnsScript {
  int code = 0;                        ///< RCODE: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
  std::vector<std::string> addresses;  ///< Those of the other family are left out.
  std::uint32_t ttl = 60;
  std::string alias;       ///< The addresses belong to this name, by CNAME.
  bool truncated = false;  ///< Over UDP: no records, "ask again by TCP".
  bool silent = false;
  std::vector<DnsService> services{};  ///< For a question for SRV.
};

/// A name server on loopback, UDP and TCP at one port, that counts what it is asked. One thread.
class DnsServer {
 public:
  using Answer = std::function<DnsScript(const DnsQuestion&)>;
  explicit DnsServer(Answer answer);
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  /// "127.0.0.1:5353"
  std::string address() const;
  std::vector<DnsQuestion> questions() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace callerapi::support
