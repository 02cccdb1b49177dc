#include "policy/credential.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

// A request takes some time to arrive, and clocks differ.
constexpr Duration margin_max = 10s;
// Between two refreshes ahead when the first failed.
constexpr Duration pause = 1s;
// How long a replacement that is refused too is not replaced again.
constexpr Duration replacement_rest = 10s;

}  // namespace

void Credential::Ticket::finish(Result<std::shared_ptr<const Token>> result) {
  result_.emplace(std::move(result));
  done_.store(true, std::memory_order_release);
  std::exchange(wake_, nullptr)();
}

Credential::Credential(Grant fixed) {
  base::Lock lock(mutex_);
  take({std::move(fixed.authorization), std::nullopt}, TimePoint(), 0);
}

bool Credential::usable(TimePoint now) const { return token_ && now < token_->usable_until; }

void Credential::take(Grant grant, TimePoint now, std::uint64_t random) {
  auto next = std::make_shared<Token>();
  next->authorization = std::move(grant.authorization);
  next->obtained = now;
  next->replacement = std::exchange(was_refused_, false);
  if (grant.lifetime && *grant.lifetime < no_deadline - now) {
    const Duration whole = *grant.lifetime;
    // At 80 % of its life, 5 % earlier to later, so that a fleet does not ask at once.
    const auto per_mille = 750 + static_cast<Duration::rep>(random % 101);
    next->refresh_at = now + whole / 1000 * per_mille;
    next->usable_until = now + whole - std::min(margin_max, whole / 5);
  }
  token_ = std::move(next);
}

std::shared_ptr<const Token> Credential::current(TimePoint now) {
  std::shared_ptr<const Token> token;
  {
    base::Lock lock(mutex_);
    if (!usable(now)) return nullptr;
    token = token_;
    if (now < token->refresh_at || !fetch_ || fetching_ || now < pause_until_) return token;
    fetching_ = true;
  }
  fetch_(shared_from_this());
  return token;
}

std::shared_ptr<Credential::Ticket> Credential::await(TimePoint now, std::function<void()> wake) {
  auto ticket = std::make_shared<Ticket>();
  ticket->wake_ = std::move(wake);
  std::shared_ptr<const Token> there;
  bool ask = false;
  {
    base::Lock lock(mutex_);
    if (usable(now)) {
      there = token_;
    } else {
      waiting_.push_back(ticket);
      ask = !std::exchange(fetching_, true);
    }
  }
  if (there) ticket->finish(std::move(there));
  if (ask) fetch_(shared_from_this());
  return ticket;
}

bool Credential::refused(const std::shared_ptr<const Token>& used, TimePoint now) {
  if (!fetch_) return false;
  base::Lock lock(mutex_);
  if (token_ != used) return true;
  if (used->replacement && now < used->obtained + replacement_rest) return false;
  token_ = nullptr;
  was_refused_ = true;
  return true;
}

void Credential::settle(Result<Grant> grant, TimePoint now, std::uint64_t random) {
  std::vector<std::shared_ptr<Ticket>> waiting;
  std::shared_ptr<const Token> token;
  base::count(grant ? renewed_ : failed_);
  {
    base::Lock lock(mutex_);
    fetching_ = false;
    if (grant) {
      take(std::move(*grant), now, random);
    } else {
      pause_until_ = now + pause;
    }
    // One that was granted for a moment only is still good for those who waited for it.
    if (grant || usable(now)) token = token_;
    waiting.swap(waiting_);
  }
  for (const auto& ticket : waiting)
    ticket->finish(token ? Result<std::shared_ptr<const Token>>(token) : grant.error());
}

void Credential::put(Grant grant, TimePoint now, std::uint64_t random) {
  base::count(renewed_);
  base::Lock lock(mutex_);
  take(std::move(grant), now, random);
}

}  // namespace callerapi::policy
