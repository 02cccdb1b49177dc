#pragma once

#include <coroutine>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "callerapi/export.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"

namespace callerapi {
namespace detail {

/// The untyped half of a Call. Implemented inside the library; thread-safe.
class CALLERAPI_API CallCore {
 public:
  using Continuation = std::function<void(Result<Response>&&)>;
  virtual ~CallCore();
  virtual bool done() const noexcept = 0;
  virtual void cancel() noexcept = 0;
  /// Nobody looks at the result, even if it is there already: cancels, and ends what would go on
  /// behind it.
  virtual void discard() noexcept { cancel(); }
  /// Blocks until the call has ended; `would_deadlock` on the reactor's own thread.
  virtual Result<Response> wait() = 0;
  /// Would wait() refuse here? `would_deadlock` or `forked`.
  virtual Result<void> may_wait() const = 0;
  /// Runs `f` once on the Caller's executor when the call has ended, at once if it has already.
  virtual void on_done(Continuation f) = 0;
  /// The same on the thread that ends the call, usually the reactor: `f` must not block.
  virtual void on_done_here(Continuation f) = 0;
};

/// How combinators get at what a Call is made of.
struct CallParts;

/// std::function copies what it holds: what can only be moved is shared.
template <class F>
auto copyable(F f) {
  if constexpr (std::is_copy_constructible_v<F>)
    return f;
  else
    return [shared = std::make_shared<F>(std::move(f))](auto&& value) {
      (*shared)(std::forward<decltype(value)>(value));
    };
}

}  // namespace detail

/// One call in flight: four faces (get, then, future, co_await), all cancellable.
///
/// Use exactly one face, once. The call runs from the moment it was started; dropping the handle
/// without choosing a face cancels it. The handle belongs to one thread; to cancel from another, or
/// once a face was chosen, take canceller() before. Must not outlive its Caller, whose destructor
/// ends it with `shutdown`. Completion happens exactly once. In a process forked meanwhile it is
/// that of the parent's call: its faces answer `forked` at once, and cancel() does nothing.
template <class T>
class [[nodiscard]] Call {
 public:
  /// Makes the result of a response, or of the Error there is instead; null where T is the response
  /// itself.
  using Decode = std::function<Result<T>(Result<Response>&&)>;

  /// For the library and its combinators; `core` is not null.
  Call(std::shared_ptr<detail::CallCore> core, Decode decode)
      : core_(std::move(core)), decode_(std::move(decode)) {}
  Call(Call&& other) noexcept = default;
  Call& operator=(Call&& other) noexcept {
    if (this != &other) {
      drop();
      core_ = std::move(other.core_);
      decode_ = std::move(other.decode_);
    }
    return *this;
  }
  ~Call() { drop(); }

  /// Blocks until the result is there. Errors: those of the call (Caller, Client); on the reactor's
  /// thread `invalid_argument`, reason `would_deadlock`.
  Result<T> get() { return decoded(decode_, release()->wait()); }

  /// Runs `f(Result<T>)` on the Caller's executor. An exception of `f` is swallowed by the
  /// executors of this library; in one of your own it is yours.
  template <class F>
  void then(F f) {
    if constexpr (std::is_same_v<T, Response>)
      if (!decode_) return release()->on_done(detail::copyable(std::move(f)));
    release()->on_done([decode = std::move(decode_),
                        f = detail::copyable(std::move(f))](Result<Response>&& response) mutable {
      f(decoded(decode, std::move(response)));
    });
  }

  /// The same as a standard future.
  std::future<Result<T>> future() {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    then([promise](Result<T> result) { promise->set_value(std::move(result)); });
    return future;
  }

  /// Asks the call to end with `cancelled`; nothing once it ended or a face was chosen. No waiting.
  void cancel() noexcept {
    if (core_) core_->cancel();
  }
  /// The same for any thread at any time, after a face was chosen too. Taken before.
  std::function<void()> canceller() const {
    return [core = std::weak_ptr<detail::CallCore>(core_)] {
      if (auto alive = core.lock()) alive->cancel();
    };
  }
  /// Has the call ended? False after a face was chosen.
  bool done() const noexcept { return core_ && core_->done(); }

  /// `co_await std::move(call)` or `co_await caller.start(...)`: continues on the executor.
  auto operator co_await() && {
    struct Awaiter {
      std::shared_ptr<detail::CallCore> core;
      Decode decode;
      std::optional<Result<Response>> response{};
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> waiting) {
        core->on_done([this, waiting](Result<Response>&& r) {
          response.emplace(std::move(r));
          waiting.resume();
        });
      }
      Result<T> await_resume() { return decoded(decode, std::move(*response)); }
    };
    return Awaiter{release(), decode_};
  }

  /// The same call with another way to read its response.
  template <class U>
  Call<U> as(typename Call<U>::Decode decode) && {
    return {release(), std::move(decode)};
  }

 private:
  friend struct detail::CallParts;
  static Result<T> decoded(const Decode& decode, Result<Response>&& response) {
    if constexpr (std::is_same_v<T, Response>)
      if (!decode) return std::move(response);
    return decode(std::move(response));
  }
  std::shared_ptr<detail::CallCore> release() { return std::exchange(core_, nullptr); }
  void drop() noexcept {
    if (core_) core_->cancel();
    core_.reset();
  }

  std::shared_ptr<detail::CallCore> core_;
  Decode decode_;
};

}  // namespace callerapi
