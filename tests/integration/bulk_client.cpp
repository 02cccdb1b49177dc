// Moves a body of the given size down and up through the real library and prints its own peak
// memory and the time of each step: bulk.py judges them from outside.
//   bulk_client PLUGIN_DIR URL BYTES [CA_FILE]     with CA_FILE the short course, over TLS
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "callerapi/caller.hpp"

namespace {

using namespace callerapi;

/// VmHWM of this process: the most memory it ever had.
long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  return -1;
}

struct Counting : BodySink {
  std::uint64_t bytes = 0;
  bool write(std::span<const char> piece) override { return bytes += piece.size(), true; }
};

Body zeros(std::uint64_t size, bool length_known) {
  auto left = std::make_shared<std::uint64_t>(size);
  return Body::generated(
      [left](std::span<char> into) -> Result<std::size_t> {
        const auto n = std::min<std::uint64_t>(*left, into.size());
        std::fill_n(into.begin(), n, '\0');
        *left -= n;
        return static_cast<std::size_t>(n);
      },
      length_known ? std::optional(size) : std::nullopt);
}

/// The step that has just ended, and what it took since the one before it.
void print(const char* step, const Result<Response>& answer, std::uint64_t bytes) {
  using Clock = std::chrono::steady_clock;
  static Clock::time_point before = Clock::now();
  const auto now = Clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - before).count();
  before = now;
  std::cout << step << ' ' << bytes << ' ' << peak_kib() << ' ' << ms << ' '
            << (answer ? "ok" : answer.error().message) << '\n';
}

std::uint64_t counted(const Result<Response>& answer) {
  return answer ? std::strtoull(answer->body.c_str(), nullptr, 10) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return 2;
  const bool tls = argc == 5;
  const std::uint64_t size = std::strtoull(argv[3], nullptr, 10);
  Caller caller =
      Caller::from_toml("schema = 1\n[caller]\nplugin_dir = \"" + std::string(argv[1]) +
                        "\"\n[defaults.timeouts]\ntotal = \"100s\"\nattempt = \"100s\"\n"
                        "[services.bulk]\nplugin = \"http\"\nbase_url = \"" +
                        std::string(argv[2]) + "\"\n" +
                        (tls ? "tls.ca_file = \"" + std::string(argv[4]) + "\"\n" : ""))
          .value();
  auto first = caller.request("bulk", "GET", "/");
  print("first", first, 0);

  auto sink = std::make_shared<Counting>();
  auto down = caller.request("bulk", "GET", "/down/" + std::to_string(size), Request{}.into(sink));
  print("down", down, sink->bytes);

  auto up = caller.request("bulk", "PUT", "/up", Request{}.body(zeros(size, true)));
  print("up", up, counted(up));
  if (tls) return 0;

  const std::uint64_t quarter = size / 4;

  auto chunked =
      caller.start_request("bulk", "PUT", "/up", Request{}.body(zeros(quarter, false))).get();
  print("up-chunked", chunked, counted(chunked));

  Multipart parts;
  parts.field("title", "big").part({"file", "big.bin", "", zeros(quarter, true)});
  auto multipart = caller.request("bulk", "POST", "/up", Request{}.multipart(std::move(parts)));
  print("up-multipart", multipart, counted(multipart));
  return 0;
}
