#include "caller/lane.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "caller/thread_shard.hpp"

namespace callerapi::caller {
namespace {

// Calls that may run at once; each holds a thread while it does.
constexpr std::size_t threads_max = 16;

}  // namespace

Lane::Lane(wire::Loop& loop)
    : loop_(loop),
      timer_([this] { look(); }),
      workers_(std::make_unique<wire::Workers>(threads_max)) {}

void Lane::run(policy::CallPartsPtr parts, std::shared_ptr<policy::StopToken> token,
               policy::AsyncCall::Done done) {
  ++calls_;
  const TimePoint deadline = parts->prepared.deadline;
  bool more = false;
  {
    base::Lock lock(mutex_);
    if (ended_) token->stop(*ended_);
    waiting_.push_back({std::move(parts), std::move(token), std::move(done)});
    // Of calls that the loop ended the tasks are still there, for those who come now.
    more = tasks_ < waiting_.size();
    if (more) ++tasks_;
  }
  if (more && workers_->run([this] { run_next(); })) return;
  base::Lock lock(mutex_);
  if (deadline < look_at_) post_look();
}

void Lane::stop(policy::StopToken& token, Error why) {
  token.stop(std::move(why));
  base::Lock lock(mutex_);
  if (!running_.contains(&token)) post_look();
}

void Lane::end(const Error& why) {
  {
    base::Lock lock(mutex_);
    ended_ = why;
    for (const Call& call : waiting_) call.token->stop(why);
    for (policy::StopToken* const token : running_) token->stop(why);
  }
  look();
}

/// Of those who wait the first, unless the loop has ended them all.
void Lane::run_next() {
  std::optional<Call> next;
  {
    base::Lock lock(mutex_);
    --tasks_;
    if (waiting_.empty()) return;
    next = std::move(waiting_.front());
    waiting_.pop_front();
    running_.insert(next->token.get());
  }
  next->parts->shard = thread_shard();
  finish(std::move(*next));
}

/// On the loop too, where the token or the deadline ends the call before it could block.
void Lane::finish(Call call) {
  auto result = policy::run_here(std::move(call.parts), call.token.get());
  {
    base::Lock lock(mutex_);
    running_.erase(call.token.get());
  }
  --calls_;
  call.done(std::move(result));
}

void Lane::post_look() {
  if (std::exchange(look_posted_, true)) return;
  loop_.post([this] { look(); });
}

void Lane::look() {
  const TimePoint now = loop_.now();
  std::vector<Call> over;
  TimePoint next = no_deadline;
  {
    base::Lock lock(mutex_);
    look_posted_ = false;
    std::deque<Call> stay;
    for (Call& call : waiting_) {
      const TimePoint deadline = call.parts->prepared.deadline;
      const bool waits = deadline > now && !call.token->stopped();
      if (waits) next = std::min(next, deadline);
      waits ? stay.push_back(std::move(call)) : over.push_back(std::move(call));
    }
    waiting_.swap(stay);
    look_at_ = next;
  }
  loop_.disarm(timer_);
  if (next != no_deadline) loop_.arm(timer_, next);
  for (Call& call : over) finish(std::move(call));
}

}  // namespace callerapi::caller
