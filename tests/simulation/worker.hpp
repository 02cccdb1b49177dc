#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "simulation/network.hpp"

namespace callerapi::simulation {

using Answer = std::function<void(int status)>;

/// A service without faults of its own: hands each request to `work` and sends what that answers.
class Worker final : public Peer {
 public:
  explicit Worker(std::function<void(Answer)> work) : work_(std::move(work)) {}
  void on_bytes(Cable& cable, std::string_view bytes) override {
    inbox_ += bytes;
    if (!inbox_.ends_with("\r\n\r\n")) return;
    inbox_.clear();
    work_([cable = cable.shared_from_this()](int status) {
      cable->send("HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: 0\r\n\r\n");
    });
  }
  void on_end(Cable& cable) override { cable.close(); }

 private:
  const std::function<void(Answer)> work_;
  std::string inbox_;
};

}  // namespace callerapi::simulation
