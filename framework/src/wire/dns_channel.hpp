#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "callerapi/deadline.hpp"
#include "callerapi/result.hpp"
#include "wire/name_cache.hpp"
#include "wire/name_files.hpp"
#include "wire/service_records.hpp"

namespace callerapi::wire {

enum class Family : std::uint8_t { v6, v4 };

/// The name servers of one reading of resolv.conf, asked through c-ares, which only this and
/// service_records.cpp know. Nothing here waits: sockets are put into an epoll set of the owner's,
/// who calls process() when one is ready and when next_look() has passed. One thread, but for
/// open().
class DnsChannel {
 public:
  using Done = std::function<void(Result<Found>)>;

  /// Reads resolv.conf, so it blocks. Errors: `dns_error`.
  static Result<std::unique_ptr<DnsChannel>> open(const NameFiles& files, int epoll);
  /// Questions that are still open are dropped without an answer.
  ~DnsChannel();

  /// One question, without search domains; `done` runs in process(), or at once. Errors:
  /// `dns_error` with reason not_found, no_address, temporary, timeout or refused.
  void ask(const std::string& name, Family family, Done done);
  /// The same for SRV records; "the name" of the errors is that of the records. Errors also as
  /// read_service_records().
  void ask_services(const std::string& name, ServiceRecordsDone done);
  /// `fd` is ready; -1: only the time has passed.
  void process(int fd);
  /// From now until a time-out must be looked at; nullopt: no question is open.
  std::optional<Duration> next_look() const;

  /// What resolv.conf says about short names.
  const std::vector<std::string>& search() const noexcept { return search_; }
  int ndots() const noexcept { return ndots_; }

 private:
  struct Ares;
  struct Question;
  DnsChannel();
  Error failure(int status) const;

  std::unique_ptr<Ares> ares_;
  std::vector<std::string> search_;
  int ndots_ = 1;
  std::string asked_;  ///< For error texts: whom, and who says so.
};

}  // namespace callerapi::wire
