#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "policy/async_call.hpp"
#include "policy/loop_call.hpp"

namespace callerapi::policy {

/// One call that may be asked twice (semantics S10): when the first answer takes longer than most,
/// another instance is asked as well, and the first final answer counts. A failure that could be
/// retried waits for the sibling. Two AsyncCalls of the same request; the second is never retried.
class HedgedCall final : public LoopCall, public std::enable_shared_from_this<HedgedCall> {
 public:
  HedgedCall(CallPartsPtr parts, AsyncCall::Done done, AsyncCall::Ended ended);
  ~HedgedCall() override;

  void begin() override;
  void end(Error why) override;
  bool uses(const pool::Origin& origin) const noexcept override;

 private:
  struct Side {
    std::shared_ptr<AsyncCall> call;
    std::optional<Result<Response>> result;
    std::shared_ptr<const CallRecord> record;  ///< Of `result`, which may have been given away.
    bool running() const noexcept { return call && !result; }
    Sent sent() const noexcept;
  };

  void on_time();
  void hedge();
  bool elsewhere(TimePoint now) const;
  std::string_view refusal();
  AttemptRecord unfinished(const Side& side) const;
  std::shared_ptr<const CallRecord> record() const;
  bool says_nothing(const Side& side) const;
  void on_result(Side& side, const Side& other, Result<Response> result);
  void tell(Side& winner, const Side& other);
  void drop_losers();
  void finish();

  CallPartsPtr spare_;  ///< What the second is made of; its request is a copy.
  ServiceState& state_;
  CallCounters& counters_;
  EndpointMeter* const meter_;
  AsyncCall::Done done_;
  AsyncCall::Ended ended_;
  wire::Loop& loop_;
  wire::Timer timer_;
  Side first_, second_;
  bool told_ = false;
  bool hooked_ = false;                             ///< Each side holds a lease of its own.
  const Side* winner_ = nullptr;                    ///< Once told.
  CallLog* const log_;                              ///< Null: nobody keeps records.
  const std::shared_ptr<const TracedCall> traced_;  ///< Null: nobody is told of spans.
  std::string_view hedge_;                          ///< See CallRecord.
};

/// May this request be sent twice at once, and is there a second place to send it to?
bool may_hedge(const CallParts& parts) noexcept;

/// The call that those parts make up, not begun yet.
std::shared_ptr<LoopCall> make_loop_call(CallPartsPtr parts, AsyncCall::Done done,
                                         AsyncCall::Ended ended);

}  // namespace callerapi::policy
