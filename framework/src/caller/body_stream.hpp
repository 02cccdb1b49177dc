#pragma once

#include <memory>

#include "callerapi/executor.hpp"
#include "callerapi/stream.hpp"
#include "policy/stream_pipe.hpp"
#include "wire/loop.hpp"

namespace callerapi::caller {

/// The consumer's end of a pipe, as BodyStream holds it. When nobody holds it the stream ends.
class StreamEnd final : public detail::StreamCore {
 public:
  /// `loop` is asked only before the end of the stream, so while there is a Caller. `executor` is
  /// not kept alive: a stream may outlive its Caller, or lie in what the executor has queued.
  StreamEnd(std::shared_ptr<policy::StreamPipe> pipe, const std::shared_ptr<Executor>& executor,
            wire::Loop& loop);
  ~StreamEnd() override;

  Result<std::size_t> read(std::span<char> into) override;
  std::shared_ptr<detail::CallCore> next() override;
  void cancel() noexcept override;
  void end(Error why) noexcept override;

 private:
  const std::shared_ptr<policy::StreamPipe> pipe_;
  const std::weak_ptr<Executor> executor_;
  wire::Loop& loop_;
  const unsigned fork_count_;
};

}  // namespace callerapi::caller
