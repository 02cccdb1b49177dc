// Poco's HTTPClientSession; each lane one thread with one session that keeps its connection.
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "peer.hpp"

namespace callerapi::bench {
namespace {

using Session = Poco::Net::HTTPClientSession;

void drive(const Task& task, Meter& meter, Session& session) {
  std::vector<char> buffer(task.expect_bytes > (1u << 20) ? 64u << 10 : 4096u);
  while (meter.claim()) {
    const TimePoint began = clock_now();
    try {
      Poco::Net::HTTPRequest request(task.method, task.target, Poco::Net::HTTPMessage::HTTP_1_1);
      request.set("Accept", "application/json");
      const std::uint64_t length = task.send_bytes > 0 ? task.send_bytes : task.body.size();
      if (length > 0) {
        request.setContentType("application/json");
        request.setContentLength64(static_cast<Poco::Int64>(length));
      }
      auto& out = session.sendRequest(request);
      if (!task.body.empty()) out.write(task.body.data(), std::ssize(task.body));
      for (std::uint64_t left = task.send_bytes; left > 0;) {
        const auto n = std::min<std::uint64_t>(left, piece_of_body().size());
        out.write(piece_of_body().data(), static_cast<std::streamsize>(n));
        left -= n;
      }
      Poco::Net::HTTPResponse response;
      auto& in = session.receiveResponse(response);
      std::uint64_t bytes = 0;
      while (in.read(buffer.data(), std::ssize(buffer)) || in.gcount() > 0)
        bytes += static_cast<std::uint64_t>(in.gcount());
      meter.ended(response.getStatus(), bytes, began);
    } catch (const Poco::Exception& error) {
      meter.failed(error.displayText().c_str());
    }
  }
}

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  Meter meter(task);
  std::vector<std::unique_ptr<Session>> lanes;
  for (std::size_t i = 0; i < task.lanes; ++i) {
    lanes.push_back(
        std::make_unique<Session>(task.host, static_cast<Poco::UInt16>(std::stoi(task.port))));
    lanes.back()->setKeepAlive(true);
    lanes.back()->setKeepAliveTimeout(Poco::Timespan(600, 0));
    lanes.back()->setTimeout(Poco::Timespan(100, 0));
  }
  return meter.run([&](std::uint64_t) {
    if (lanes.size() == 1) return drive(task, meter, *lanes[0]);
    std::vector<std::thread> threads;
    for (auto& lane : lanes) threads.emplace_back([&] { drive(task, meter, *lane); });
    for (auto& thread : threads) thread.join();
  });
}
