// Calls of ours with a type each way: encoded, sent, answered, decoded. As many in flight as lanes.
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "../invoice.hpp"
#include "callerapi/json.hpp"
#include "ours.hpp"

namespace callerapi::bench {
namespace {

/// Tells when the last lane has no more to do.
class Running {
 public:
  void set(std::size_t lanes) { left_ = lanes; }
  void ended() {
    std::lock_guard lock(mutex_);
    if (--left_ == 0) none_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t left_ = 0;
};

class Lane {
 public:
  Lane(Caller& caller, const Task& task, const invoices::Invoice& sent, Meter& meter,
       Running& running)
      : caller_(caller), task_(task), sent_(sent), meter_(meter), running_(running) {}

  /// A call that ends before then() returns only says so, or calls would nest without end.
  void run() {
    do {
      if (!meter_.claim()) return running_.ended();
      turn_ = Turn::starting;
      began_ = clock_now();
      caller_.start_request("plain", "POST", task_.target, Request{}.json(sent_))
          .then([this](Result<Response> answer) {
            take(std::move(answer));
            if (turn_.exchange(Turn::ended) == Turn::started) run();
          });
    } while (turn_.exchange(Turn::started) == Turn::ended);
  }

 private:
  enum class Turn { starting, started, ended };

  void take(Result<Response> answer) {
    if (!answer) return count(meter_, answer, began_);
    const auto got = from_json<invoices::Invoice>(answer->body);
    if (!got || got->positions.size() != sent_.positions.size())
      return meter_.failed("not the document");
    count(meter_, answer, began_);
  }

  Caller& caller_;
  const Task& task_;
  const invoices::Invoice& sent_;
  Meter& meter_;
  Running& running_;
  TimePoint began_{};
  std::atomic<Turn> turn_{Turn::starting};
};

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  const auto sent = callerapi::from_json<invoices::Invoice>(task.body);
  if (!sent) return 2;
  Meter meter(task);
  Running running;
  callerapi::Caller caller = open_ours(task);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (std::size_t i = 0; i < task.lanes; ++i)
    lanes.push_back(std::make_unique<Lane>(caller, task, *sent, meter, running));
  return meter.run([&](std::uint64_t) {
    running.set(lanes.size());
    for (auto& lane : lanes) lane->run();
    running.wait();
  });
}
