// cpp-httplib; each lane one thread with one client that keeps its connection.
#include <httplib.h>

#include <memory>
#include <thread>
#include <vector>

#include "peer.hpp"

namespace callerapi::bench {
namespace {

void drive(const Task& task, Meter& meter, httplib::Client& client) {
  const httplib::Headers headers{{"Accept", "application/json"}};
  while (meter.claim()) {
    const TimePoint began = clock_now();
    std::uint64_t bytes = 0;
    const auto count = [&](const char*, std::size_t size) {
      bytes += size;
      return true;
    };
    const auto answer = task.expect_bytes > (1u << 20) ? client.Get(task.target, headers, count)
                        : task.body.empty()
                            ? client.Get(task.target, headers)
                            : client.Post(task.target, headers, task.body, "application/json");
    if (!answer) {
      meter.failed(httplib::to_string(answer.error()).c_str());
      continue;
    }
    meter.ended(answer->status, bytes + answer->body.size(), began);
  }
}

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  Meter meter(task);
  std::vector<std::unique_ptr<httplib::Client>> lanes;
  for (std::size_t i = 0; i < task.lanes; ++i) {
    lanes.push_back(std::make_unique<httplib::Client>(task.host, std::stoi(task.port)));
    lanes.back()->set_keep_alive(true);
    lanes.back()->set_tcp_nodelay(true);
    lanes.back()->set_read_timeout(100);
  }
  return meter.run([&](std::uint64_t) {
    if (lanes.size() == 1) return drive(task, meter, *lanes[0]);
    std::vector<std::thread> threads;
    for (auto& lane : lanes) threads.emplace_back([&] { drive(task, meter, *lane); });
    for (auto& thread : threads) thread.join();
  });
}
