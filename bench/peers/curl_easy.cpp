// libcurl's blocking interface; each lane one thread with one handle.
#include <memory>
#include <thread>
#include <vector>

#include "curl_peer.hpp"

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  ::curl_global_init(CURL_GLOBAL_DEFAULT);
  Meter meter(task);
  std::vector<std::unique_ptr<CurlCall>> lanes;
  for (std::size_t i = 0; i < task.lanes; ++i) lanes.push_back(std::make_unique<CurlCall>(task));
  const auto drive = [&](CurlCall& lane) {
    while (meter.claim()) {
      lane.begin();
      lane.end(::curl_easy_perform(lane.handle()), meter);
    }
  };
  return meter.run([&](std::uint64_t) {
    if (lanes.size() == 1) return drive(*lanes[0]);
    std::vector<std::thread> threads;
    for (auto& lane : lanes) threads.emplace_back([&] { drive(*lane); });
    for (auto& thread : threads) thread.join();
  });
}
