#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "base/log.hpp"
#include "policy/credential.hpp"
#include "registry/auth_entry.hpp"

namespace callerapi::caller {

/// A file with the token or the password of one service. What was read last stays good while the
/// file cannot be read, which is logged once. One thread at a time.
class SecretFile {
 public:
  SecretFile(std::string service, registry::AuthEntry auth, base::Log log);

  /// The credential that hears of changes.
  void feeds(const std::shared_ptr<policy::Credential>& credential) { credential_ = credential; }
  std::shared_ptr<policy::Credential> credential() const { return credential_.lock(); }

  /// Reads it, changed or not. An error only when it never could be read.
  Result<policy::Grant> read();
  /// Reads it if it is another file than last time, or has changed since.
  std::optional<policy::Grant> read_if_changed();

 private:
  using Stamp = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t, std::int64_t>;
  std::optional<Stamp> stamp() const;

  const std::string service_;
  const registry::AuthEntry auth_;
  const base::Log log_;
  std::weak_ptr<policy::Credential> credential_;
  std::optional<Stamp> seen_;
  std::optional<std::string> good_;
  bool failing_ = false;
};

/// What a request carries for a token or password.
std::string authorization(const registry::AuthEntry& auth, const std::string& secret);

}  // namespace callerapi::caller
