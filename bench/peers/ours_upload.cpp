// Blocking calls of ours whose body is made as it is sent.
#include <algorithm>
#include <cstring>
#include <utility>

#include "ours.hpp"

int main(int argc, char** argv) {
  using namespace callerapi;
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  Meter meter(task);
  Caller caller = open_ours(task);
  return meter.run([&](std::uint64_t) {
    while (meter.claim()) {
      const TimePoint began = clock_now();
      std::uint64_t left = task.send_bytes;
      auto body = Body::generated(
          [&left](std::span<char> into) -> Result<std::size_t> {
            const std::string_view piece = piece_of_body();
            const std::size_t n = std::min({into.size(), piece.size(), std::size_t{left}});
            std::memcpy(into.data(), piece.data(), n);
            left -= n;
            return n;
          },
          task.send_bytes);
      count(meter, caller.request("plain", "POST", task.target, Request{}.body(std::move(body))),
            began);
    }
  });
}
