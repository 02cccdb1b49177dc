#include <condition_variable>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "callerapi/version.hpp"
#include "commands.hpp"
#include "explain.hpp"
#include "list.hpp"
#include "pipe_request.hpp"

namespace callerapi::cli {
namespace {

/// Reads lines, starts calls, writes answers as they come. Answers are written under one lock;
/// reading stops while `limit` calls are in flight, and for good when nobody takes the answers.
class Pipe {
 public:
  Pipe(Caller& caller, std::size_t limit) : caller_(caller), limit_(limit) {}

  void run() {
    std::string line;
    for (std::size_t number = 1; !stopping_ && std::getline(std::cin, line) && !lost(); ++number) {
      if (line.empty()) continue;
      std::string id;
      auto request = read_line(line, id);
      if (!request) {
        write(bad_line(id, number, request.error()));
      } else {
        dispatch(std::move(*request), number);
      }
    }
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return running_.empty(); });
  }

 private:
  void write(const std::string& line) {
    {
      std::lock_guard lock(mutex_);
      std::cout << line << '\n';
      std::cout.flush();
    }
    if (lost()) cancel_all();
  }

  /// Is there nobody any more who takes answers?
  bool lost() {
    std::lock_guard lock(mutex_);
    return !std::cout.good();
  }

  void cancel_all() {
    std::map<std::string, std::function<void()>> running;
    {
      std::lock_guard lock(mutex_);
      // Once: every answer that comes now is lost as well, and what starts now ends by itself.
      if (std::exchange(cancelled_, true)) return;
      running = running_;
    }
    for (const auto& [id, canceller] : running)
      if (canceller) canceller();
  }

  void refuse(const PipeRequest& request, std::size_t number, std::string text) {
    write(bad_line(
        request.id, number,
        {.outcome = Outcome::invalid_argument, .reason = "line", .message = std::move(text)}));
  }

  void dispatch(PipeRequest request, std::size_t number) {
    if (request.op == "call" || request.op == "request") return start(std::move(request), number);
    if (request.op == "hello") return write(hello(request.id));
    if (request.op == "services") return write(services(request.id));
    if (request.op == "stats") return write(stats(request.id));
    if (request.op == "metrics") return write(metrics(request.id));
    if (request.op == "recent_calls") return write(recent_calls(request.id));
    if (request.op == "reload") return reload(request.id);
    if (request.op == "reloads") return write(reloads(request.id));
    if (request.op == "cancel") return cancel(request);
    if (request.op == "shutdown") return shutdown(request.id);
    refuse(request, number,
           "op '" + request.op +
               "' is none of call, request, hello, services, stats, metrics, recent_calls, reload, "
               "reloads, cancel, shutdown");
  }

  void start(PipeRequest request, std::size_t number) {
    const std::string id = request.id;
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [this] { return running_.size() < limit_; });
      if (!running_.emplace(id, nullptr).second) {
        lock.unlock();
        return refuse(request, number, "id '" + id + "' is already in flight");
      }
    }
    auto call = request.op == "call"
                    ? caller_.start(request.service, request.endpoint, std::move(request.request))
                    : caller_.start_request(request.service, request.method, request.path,
                                            std::move(request.request));
    {
      std::lock_guard lock(mutex_);
      running_[id] = call.canceller();
    }
    if (lost()) call.cancel();
    call.then([this, id](Result<Response> result) {
      write(answer_line(id, result));
      std::lock_guard lock(mutex_);
      running_.erase(id);
      room_.notify_all();
    });
  }

  void cancel(const PipeRequest& request) {
    std::function<void()> canceller;
    {
      std::lock_guard lock(mutex_);
      if (const auto found = running_.find(request.target); found != running_.end())
        canceller = found->second;
    }
    if (canceller) canceller();
    json::Writer out;
    out.begin_object()
        .member("id", request.id)
        .member("outcome", "ok")
        .member("cancelled", canceller != nullptr)
        .end_object();
    write(out.take());
  }

  void reload(const std::string& id) {
    auto done = caller_.reload();
    json::Writer out;
    out.begin_object().member("id", id).member("outcome", done ? "ok" : "error");
    if (done) {
      out.member("generation", done->generation);
    } else {
      out.member("error", name(done.error().outcome)).member("message", done.error().message);
    }
    out.end_object();
    write(out.take());
  }

  std::string metrics(const std::string& id) {
    json::Writer out;
    out.begin_object()
        .member("id", id)
        .member("outcome", "ok")
        .member("text", caller_.metrics_text())
        .end_object();
    return out.take();
  }

  std::string recent_calls(const std::string& id) {
    json::Writer out;
    out.begin_object().member("id", id).member("outcome", "ok").key("calls").begin_array();
    for (const auto& record : caller_.recent_calls()) write_record(out, *record);
    out.end_array().end_object();
    return out.take();
  }

  std::string reloads(const std::string& id) {
    json::Writer out;
    out.begin_object().member("id", id).member("outcome", "ok").key("reloads").begin_array();
    for (const ReloadRecord& r : caller_.reloads()) {
      out.begin_object()
          .member("at", json::format_time(r.at, 3))
          .member("applied", r.applied)
          .member("generation", r.generation);
      if (!r.applied) out.member("reason", r.reason).member("message", r.message);
      out.key("changes").begin_array();
      for (const std::string& change : r.changes) out.value(change);
      out.end_array().end_object();
    }
    out.end_array().end_object();
    return out.take();
  }

  void shutdown(const std::string& id) {
    stopping_ = true;
    caller_.shutdown(Duration::zero());
    json::Writer out;
    out.begin_object().member("id", id).member("outcome", "ok").end_object();
    write(out.take());
  }

  static std::string hello(const std::string& id) {
    json::Writer out;
    out.begin_object()
        .member("id", id)
        .member("outcome", "ok")
        .member("schema", "callerapi.pipe/1")
        .member("version", version_string)
        .end_object();
    return out.take();
  }

  std::string services(const std::string& id) {
    json::Writer out;
    out.begin_object().member("id", id).member("outcome", "ok").key("services").begin_array();
    for (const ServiceInfo& s : caller_.services()) write_service(out, s);
    out.end_array().end_object();
    return out.take();
  }

  std::string stats(const std::string& id) {
    const Stats s = caller_.stats();
    json::Writer out;
    out.begin_object()
        .member("id", id)
        .member("outcome", "ok")
        .member("calls", s.calls)
        .member("calls_failed", s.calls_failed)
        .member("attempts", s.attempts)
        .member("retries", s.retries)
        .member("connections_opened", s.connections_opened)
        .member("connections_reused", s.connections_reused)
        .member("connections_open", s.connections_open)
        .member("calls_in_flight", s.calls_in_flight)
        .member("generation", s.generation)
        .end_object();
    return out.take();
  }

  Caller& caller_;
  const std::size_t limit_;
  bool stopping_ = false;
  bool cancelled_ = false;  ///< All that ran, when the output was lost.
  std::mutex mutex_;        // standard output and running_
  std::condition_variable room_;
  std::map<std::string, std::function<void()>> running_;
};

}  // namespace

int run_pipe(const Common& common, std::size_t concurrency, const std::string& trace) {
  std::ios::sync_with_stdio(false);
  // A tied cin flushes cout on each read, beside the lock: answers then came twice or interleaved.
  std::cin.tie(nullptr);
  Options options;
  if (auto traced = trace_to(trace, options); !traced) return report(traced.error());
  auto caller = open(common, std::move(options));
  if (!caller) return report(caller.error());
  Pipe(*caller, concurrency).run();
  return 0;
}

}  // namespace callerapi::cli
