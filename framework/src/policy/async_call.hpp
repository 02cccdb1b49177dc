#pragma once

#include <algorithm>
#include <functional>
#include <memory>

#include "policy/call_run.hpp"
#include "policy/loop_call.hpp"

namespace callerapi::policy {

/// Drives one call on the loop, and after its head the stream that it asked for. All of it runs on
/// the loop's thread; it keeps itself alive until it has told its owner, once.
class AsyncCall final : public LoopCall,
                        public std::enable_shared_from_this<AsyncCall>,
                        private pool::Waiter,
                        private wire::StreamEvents {
 public:
  using Done = std::function<void(Result<Response>)>;
  using Ended = std::function<void(LoopCall&)>;
  /// `done` hears the result, which of a streamed answer is its head. `ended`: nothing of the call
  /// is left, not even a stream; it comes first unless there is one.
  AsyncCall(CallPartsPtr parts, Done done, Ended ended);
  ~AsyncCall() override;

  void begin() override;
  void end(Error why) override;
  bool uses(const pool::Origin& origin) const noexcept override {
    return run_.instance() && run_.instance()->origin.get() == &origin;
  }
  const Instance* instance() const noexcept { return run_.instance(); }
  int attempts() const noexcept { return run_.attempts(); }
  /// May a request of it have reached the service by now?
  Sent sent() const noexcept {
    return exchange_ ? std::max(run_.sent(), exchange_->sent()) : run_.sent();
  }
  Duration waited_turn() const noexcept { return run_.waited_turn(); }
  const Prepared& prepared() const noexcept { return run_.prepared(); }
  void leave_limits() noexcept { run_.leave_limits(); }
  void keep_record() noexcept { run_.keep_record(); }

 private:
  void on_connection(Result<std::unique_ptr<pool::Connection>> got) noexcept override;
  pool::Wants wants() const noexcept override { return run_.wants(); }
  void on_ready() noexcept override;
  void prefetch() const noexcept override;
  void on_time();
  // What may end the call is for those who hold it.
  void attempt();
  void await();
  void on_awaited();
  void pump();
  void look_later();
  void come_back();
  void after_exchange();
  void open_stream();
  void pump_stream();
  void end_stream(std::optional<Error> why, bool reusable);
  void next_or_finish(bool again);
  void finish();

  enum class Waiting : std::uint8_t {
    nothing,
    admission,
    connection,
    exchange,
    stream,
    retry,
    done
  };

  CallRun run_;
  Done done_;
  Ended ended_;
  wire::Timer timer_;
  TimePoint armed_for_{};  ///< While an exchange is under way.
  Waiting waiting_ = Waiting::nothing;
  bool coming_back_ = false;  ///< A turn that goes on is on its way.
  bool asking_ = false;       ///< The pool is asked for a connection, and may have one at once.
  std::unique_ptr<pool::Connection> connection_;
  std::optional<wire::Exchange> exchange_;
};

}  // namespace callerapi::policy
