#include "caller/secret_file.hpp"

#include <sys/stat.h>

#include <utility>

#include "wire/encode.hpp"

namespace callerapi::caller {

std::string authorization(const registry::AuthEntry& auth, const std::string& secret) {
  if (auth.type == registry::AuthEntry::Type::bearer) return "Bearer " + secret;
  return "Basic " + wire::base64(auth.username + ":" + secret);
}

SecretFile::SecretFile(std::string service, registry::AuthEntry auth, base::Log log)
    : service_(std::move(service)), auth_(std::move(auth)), log_(std::move(log)) {}

/// Kubernetes turns a symlink to another file; others rewrite in place.
std::optional<SecretFile::Stamp> SecretFile::stamp() const {
  struct stat info {};
  if (::stat(auth_.secret_file.c_str(), &info) != 0) return {};
  return Stamp{info.st_dev, info.st_ino, info.st_size,
               info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec,
               info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec};
}

Result<policy::Grant> SecretFile::read() {
  // Before the contents: a change in between is then seen next time.
  seen_ = stamp();
  auto secret = registry::read_secret_file(auth_.secret_file);
  if (!secret && !std::exchange(failing_, true))
    log_.write(LogLevel::warning, "auth",
               service_ + ": " + auth_.secret_file.string() + ": " + secret.error().message +
                   "; what was read before stays in use");
  if (secret) {
    failing_ = false;
    good_ = std::move(*secret);
  }
  if (!good_)
    return Error{.outcome = Outcome::auth_error,
                 .reason = "file",
                 .message = auth_.secret_file.string() + ": " + secret.error().message,
                 .phase = Phase::queue};
  return policy::Grant{authorization(auth_, *good_), std::nullopt};
}

std::optional<policy::Grant> SecretFile::read_if_changed() {
  if (stamp() == seen_) return {};
  const std::optional<std::string> before = good_;
  auto grant = read();
  if (!grant || before == good_) return {};
  log_.write(LogLevel::info, "auth",
             service_ + ": " + auth_.secret_file.string() + " has changed and is used from now on");
  return std::move(*grant);
}

}  // namespace callerapi::caller
