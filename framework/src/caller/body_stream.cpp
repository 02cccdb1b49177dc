#include "caller/body_stream.hpp"

#include <array>
#include <utility>

#include "base/fork.hpp"
#include "caller/host.hpp"
#include "caller/pending.hpp"

namespace callerapi {

detail::StreamCore::~StreamCore() = default;

Result<std::string> detail::piece_of(Result<Response> piece) {
  if (!piece) return std::move(piece).error();
  return std::move(piece->body);
}

Result<std::string> BodyStream::read_all(std::size_t limit) {
  constexpr std::size_t step = std::size_t{64} << 10;
  std::string all;
  for (;;) {
    const std::size_t before = all.size();
    all.resize(before + step);
    auto got = read({all.data() + before, step});
    if (!got) return std::move(got).error();
    all.resize(before + *got);
    if (*got == 0) return all;
    if (all.size() <= limit) continue;
    const Error why{.outcome = Outcome::response_too_large,
                    .reason = "body",
                    .message = "the streamed body is longer than the " + std::to_string(limit) +
                               " bytes that were to be read at once",
                    .phase = Phase::body,
                    .sent = Sent::yes,
                    .status = status()};
    core_->end(why);
    return why;
  }
}

namespace caller {
namespace {

Error cancelled() {
  return {.outcome = Outcome::cancelled,
          .reason = "cancelled",
          .message = "the reader of the stream stopped it",
          .phase = Phase::body,
          .sent = Sent::yes};
}

/// The next piece. Its bytes have left the pipe when it is complete: where nobody takes them the
/// stream ends, for it would go on with a hole.
class Piece final : public Pending {
 public:
  Piece(std::shared_ptr<policy::StreamPipe> pipe, std::shared_ptr<Executor> executor,
        wire::Loop& loop)
      : Pending(std::move(executor), loop), pipe_(std::move(pipe)) {
    on_cancel([pipe = pipe_.get()] { pipe->stop(cancelled()); });
  }
  ~Piece() override {
    if (!served()) Piece::discard();
  }
  void discard() noexcept override {
    if (at_home()) pipe_->stop(cancelled());
  }

 private:
  const std::shared_ptr<policy::StreamPipe> pipe_;
};

Error forked() {
  return {.outcome = Outcome::forked,
          .reason = "forked",
          .message = "this stream belongs to the parent process"};
}

Error refuse(const policy::Prepared& call, std::string text) {
  return policy::call_error(call.where(), Outcome::invalid_argument, "stream", std::move(text));
}

}  // namespace

StreamEnd::StreamEnd(std::shared_ptr<policy::StreamPipe> pipe,
                     const std::shared_ptr<Executor>& executor, wire::Loop& loop)
    : pipe_(std::move(pipe)), executor_(executor), loop_(loop), fork_count_(base::fork_count()) {}

StreamEnd::~StreamEnd() { StreamEnd::cancel(); }

void StreamEnd::cancel() noexcept { StreamEnd::end(cancelled()); }

void StreamEnd::end(Error why) noexcept {
  // In a forked child the pipe's lock may be held for ever by a thread that is not there.
  if (fork_count_ == base::fork_count()) pipe_->stop(std::move(why));
}

Result<std::size_t> StreamEnd::read(std::span<char> into) {
  if (fork_count_ != base::fork_count()) return forked();
  if (!pipe_->ready() && loop_.inside())
    return Error{Outcome::invalid_argument, "would_deadlock",
                 "read() on the reactor's own thread would wait for itself; use next()"};
  return pipe_->read(into);
}

std::shared_ptr<detail::CallCore> StreamEnd::next() {
  if (fork_count_ != base::fork_count()) {
    auto told = std::make_shared<Pending>(nullptr, loop_);
    told->complete(forked());
    return told;
  }
  const auto pending = std::make_shared<Piece>(pipe_, executor_.lock(), loop_);
  pipe_->when_ready([pending, pipe = pipe_.get()] {
    auto bytes = pipe->take();
    if (!bytes) return pending->complete(std::move(bytes).error());
    Response piece;
    piece.body = std::move(*bytes);
    pending->complete(std::move(piece));
  });
  return pending;
}

Call<BodyStream> Host::start_stream(Parts parts,
                                    std::function<std::optional<Error>(const Response&)> refused) {
  auto pending = std::make_shared<Pending>(completions(), *reactor_);
  if (parts && (*parts)->prepared.blocking()) {
    const policy::Prepared& call = (*parts)->prepared;
    const bool sink = call.sink != nullptr;
    const Error why =
        refuse(call, sink ? "a stream takes the body itself; leave out into()"
                          : "a streamed answer needs a request body in memory; a body from a "
                            "file, a generator or multipart blocks the reactor");
    parts = why;
  }
  if (!parts) {
    pending->complete(std::move(parts).error());
    return {pending, [](Result<Response> r) -> Result<BodyStream> { return std::move(r).error(); }};
  }
  auto pipe = std::make_shared<policy::StreamPipe>();
  (*parts)->prepared.stream = pipe;
  auto end = std::make_shared<StreamEnd>(pipe, executor_, *reactor_);
  const auto call = begin_async(std::move(*parts), [pending, pipe](Result<Response>&& result) {
    if (!pipe->begun()) {
      // Refused, answered whole, or from a testing transport.
      if (result) pipe->put(result->body);
      pipe->end(result ? std::nullopt : std::optional(result.error()));
    }
    pending->complete(std::move(result));
  });
  pending->on_cancel(call);
  return {pending, [end, refused = std::move(refused)](Result<Response> r) -> Result<BodyStream> {
            if (!r) return std::move(r).error();
            if (refused)
              if (auto why = refused(*r)) return std::move(*why);
            r->body.clear();
            return BodyStream(end, std::move(*r));
          }};
}

}  // namespace caller
}  // namespace callerapi
