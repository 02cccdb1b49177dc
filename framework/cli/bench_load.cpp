#include "bench_load.hpp"

#include <thread>
#include <utility>

namespace callerapi::cli {
namespace {

struct Discard final : BodySink {
  std::uint64_t bytes = 0;
  bool write(std::span<const char> piece) override {
    bytes += piece.size();
    return true;
  }
};

TimePoint clock_now() { return std::chrono::steady_clock::now(); }

Request copy_of(const Request& from) {
  Request request;
  request.path_values = from.path_values;
  request.query_values = from.query_values;
  request.headers = from.headers;
  request.timeout_total = from.timeout_total;
  if (const auto* json = std::get_if<Request::Json>(&from.payload)) request.payload = *json;
  if (const auto* form = std::get_if<Request::Form>(&from.payload)) request.payload = *form;
  return request;
}

}  // namespace

/// One call after the other.
class Load::Lane {
 public:
  explicit Lane(Load& load) : load_(load) {
    if (load.plan_.discard) sink_ = std::make_shared<Discard>();
  }
  ~Lane() { join(); }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void begin() {
    join();
    if (!load_.plan_.sync) return advance();
    thread_ = std::thread([this] {
      while (next()) {
        const LoadPlan& plan = load_.plan_;
        take(plan.method.empty()
                 ? load_.caller_.call(plan.service, plan.endpoint, request())
                 : load_.caller_.request(plan.service, plan.method, plan.path, request()));
      }
      load_.lane_done();
    });
  }

 private:
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  bool next() {
    began_ = clock_now();
    return load_.claim(began_);
  }

  Request request() const {
    Request request = copy_of(load_.plan_.request);
    if (sink_) {
      sink_->bytes = 0;
      request.sink = sink_;
    }
    return request;
  }

  void take(const Result<Response>& answer) {
    load_.judge(answer, sink_ ? sink_->bytes : 0, clock_now() - began_);
  }

  /// Begins the next call of the loop, and those after it as long as each ends before start() and
  /// then() return: the completion of such a one only says so, or calls would nest without end.
  void advance() {
    const LoadPlan& plan = load_.plan_;
    do {
      if (!next()) return load_.lane_done();
      turn_ = Turn::starting;
      auto call = plan.method.empty() ? load_.caller_.start(plan.service, plan.endpoint, request())
                                      : load_.caller_.start_request(plan.service, plan.method,
                                                                    plan.path, request());
      std::move(call).then([this](Result<Response> answer) {
        take(answer);
        if (turn_.exchange(Turn::ended) == Turn::started) advance();
      });
    } while (turn_.exchange(Turn::started) == Turn::ended);
  }

  enum class Turn { starting, started, ended };

  Load& load_;
  std::shared_ptr<Discard> sink_;
  TimePoint began_{};
  std::atomic<Turn> turn_{Turn::starting};
  std::thread thread_;
};

Load::Load(Caller& caller, const LoadPlan& plan) : caller_(caller), plan_(plan) {
  for (std::size_t i = 0; i < plan.lanes; ++i) lanes_.push_back(std::make_unique<Lane>(*this));
}

Load::~Load() = default;

void Load::begin(std::uint64_t calls, TimePoint until) {
  latencies_.clear();
  begun_ = ended_ = errors_ = 0;
  calls_ = calls;
  until_ = until;
  {
    std::lock_guard lock(mutex_);
    running_ = lanes_.size();
  }
  for (const auto& lane : lanes_) lane->begin();
}

bool Load::wait(Duration at_most) {
  std::unique_lock lock(mutex_);
  return done_.wait_for(lock, at_most, [this] { return running_ == 0; });
}

TimePoint Load::last_end() const noexcept {
  std::lock_guard lock(mutex_);
  return last_end_;
}

std::optional<Error> Load::first_error() const {
  std::lock_guard lock(mutex_);
  return first_error_;
}

bool Load::claim(TimePoint now) noexcept {
  if (hopeless_ || now >= until_) return false;
  return begun_.fetch_add(1, std::memory_order_relaxed) < calls_;
}

void Load::judge(const Result<Response>& answer, std::uint64_t discarded, Duration took) {
  latencies_.record(took);
  ended_.fetch_add(1, std::memory_order_relaxed);
  if (!answer) {
    if (answer.error().condition() == Condition::invalid_request) hopeless_ = true;
    return note(answer.error());
  }
  const std::uint64_t bytes = discarded + answer->body.size();
  if (answer->status >= 400)
    note({.outcome = Outcome::http_status,
          .reason = "status",
          .message = "the service answered HTTP " + std::to_string(answer->status)});
  else if (plan_.body_bytes && *plan_.body_bytes != bytes)
    note({.outcome = Outcome::protocol_error,
          .reason = "body_bytes",
          .message = "a body of " + std::to_string(bytes) + " bytes, not of " +
                     std::to_string(*plan_.body_bytes)});
}

void Load::note(Error error) {
  errors_.fetch_add(1, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  if (!first_error_) first_error_ = std::move(error);
}

void Load::lane_done() {
  std::lock_guard lock(mutex_);
  last_end_ = clock_now();
  if (--running_ == 0) done_.notify_all();
}

}  // namespace callerapi::cli
