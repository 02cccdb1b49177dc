#include "caller/credentials.hpp"

#include <algorithm>
#include <utility>

#include "caller/secret_file.hpp"
#include "policy/token_request.hpp"

namespace callerapi::caller {

using policy::Credential;
using policy::Grant;
using Type = registry::AuthEntry::Type;

Credentials::Credentials(base::Log log, wire::Loop& loop, Post post)
    : log_(std::move(log)), loop_(loop), post_(std::move(post)) {}

std::shared_ptr<Credential> Credentials::make(const std::string& service,
                                              const registry::AuthEntry& auth) {
  if (auth.type == Type::none) return nullptr;
  if (auth.type == Type::oauth2) return of_token_service(auth);
  if (!auth.secret_file.empty()) return of_file(service, auth);
  return std::make_shared<Credential>(Grant{authorization(auth, auth.secret), std::nullopt});
}

std::shared_ptr<Credential> Credentials::of_file(const std::string& service,
                                                 const registry::AuthEntry& auth) {
  const auto file = std::make_shared<SecretFile>(service, auth, log_);
  // After a 401 the file may hold another one already.
  auto credential =
      std::make_shared<Credential>([this, file](const std::shared_ptr<Credential>& asks) {
        files_thread_->run([this, file, asks] {
          auto grant = file->read();
          asks->settle(std::move(grant), loop_.now(), loop_.random());
        });
      });
  file->feeds(credential);
  if (auto first = file->read()) credential->put(std::move(*first), loop_.now(), loop_.random());
  base::Lock lock(mutex_);
  files_.push_back(file);
  return credential;
}

std::shared_ptr<Credential> Credentials::of_token_service(const registry::AuthEntry& auth) {
  return std::make_shared<Credential>([this, auth](const std::shared_ptr<Credential>& asks) {
    if (auth.secret_file.empty()) return ask(auth, auth.secret, asks);
    files_thread_->run([this, auth, asks] {
      auto secret = registry::read_secret_file(auth.secret_file);
      if (secret) return ask(auth, std::move(*secret), asks);
      asks->settle(Error{.outcome = Outcome::auth_error,
                         .reason = "file",
                         .message = auth.secret_file.string() + ": " + secret.error().message,
                         .phase = Phase::queue},
                   loop_.now(), loop_.random());
    });
  });
}

void Credentials::ask(const registry::AuthEntry& auth, std::string secret,
                      const std::shared_ptr<Credential>& credential) {
  policy::ClientCredentials asks{.service = auth.token_service,
                                 .path = auth.token_path,
                                 .client_id = auth.client_id,
                                 .client_secret = std::move(secret),
                                 .scope = auth.scope,
                                 .audience = auth.audience};
  Request request = policy::token_request(asks);
  asks.client_secret.clear();
  post_(auth.token_service, auth.token_path, std::move(request),
        [this, asks, credential](const Result<Response>& answer) {
          auto grant = policy::read_grant(asks, answer);
          if (!grant) log_.write(LogLevel::warning, "auth", grant.error().message);
          credential->settle(std::move(grant), loop_.now(), loop_.random());
        });
}

void Credentials::sweep() {
  files_thread_->try_again();
  {
    base::Lock lock(mutex_);
    std::erase_if(files_, [](const auto& one) { return one.expired(); });
    if (files_.empty()) return;
  }
  if (looking_.exchange(true)) return;  // a mount that hangs is asked once
  files_thread_->run([this] {
    look();
    looking_ = false;
  });
}

void Credentials::look() {
  std::vector<std::weak_ptr<SecretFile>> files;
  {
    base::Lock lock(mutex_);
    files = files_;
  }
  for (const auto& one : files) {
    const auto file = one.lock();
    const auto credential = file ? file->credential() : nullptr;
    if (!credential) continue;
    if (auto grant = file->read_if_changed())
      credential->put(std::move(*grant), loop_.now(), loop_.random());
  }
}

}  // namespace callerapi::caller
