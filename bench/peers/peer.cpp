#include "peer.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

namespace callerapi::bench {
namespace {

[[noreturn]] void usage(const std::string& why) {
  std::fprintf(stderr,
               "%s\nusage: PEER --url http[s]://HOST:PORT/TARGET [--method M] [--body-file F]\n"
               "  [--ca FILE] [--concurrency C] [--warmup N] [--requests N] --expect-bytes N\n"
               "  [--send-bytes N] [--rate N] [--json 1] [--reconnect 1] [--registry FILE]\n",
               why.c_str());
  std::exit(2);
}

double microseconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
}

void split_url(const std::string& url, Task& task) {
  const auto scheme = url.find("://");
  const auto slash = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
  const auto colon = scheme == std::string::npos ? scheme : url.find(':', scheme + 3);
  if (slash == std::string::npos || colon == std::string::npos || colon > slash)
    usage("a URL like http://127.0.0.1:8080/x is needed");
  task.tls = url.starts_with("https");
  task.host = url.substr(scheme + 3, colon - scheme - 3);
  task.port = url.substr(colon + 1, slash - colon - 1);
  task.target = url.substr(slash);
}

}  // namespace

std::string Task::url() const {
  return (tls ? "https://" : "http://") + host + ":" + port + target;
}

std::string Task::bytes() const {
  std::string out = method + " " + target + " HTTP/1.1\r\nHost: " + host + ":" + port +
                    "\r\nUser-Agent: callerapi-bench\r\nAccept: application/json\r\n"
                    "Accept-Encoding: gzip, deflate\r\nCaller-Timeout-Ms: 10000\r\n";
  const std::uint64_t length = send_bytes > 0 ? send_bytes : body.size();
  if (length > 0)
    out += "Content-Type: application/json\r\nContent-Length: " + std::to_string(length) + "\r\n";
  return out + "\r\n" + body;
}

Task task_of(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  Task task;
  split_url(given["--url"], task);
  const auto number = [&](const char* name, std::uint64_t otherwise) {
    return given.contains(name) ? std::strtoull(given[name].c_str(), nullptr, 10) : otherwise;
  };
  if (given.contains("--method")) task.method = given["--method"];
  task.ca_file = given["--ca"];
  task.lanes = number("--concurrency", 1);
  task.warmup = number("--warmup", 0);
  task.requests = number("--requests", 1);
  task.expect_bytes = number("--expect-bytes", 0);
  task.send_bytes = number("--send-bytes", 0);
  task.rate = static_cast<double>(number("--rate", 0));
  task.json = number("--json", 0) > 0;
  task.reconnect = number("--reconnect", 0) > 0;
  task.registry = given["--registry"];
  if (given.contains("--body-file")) {
    std::ifstream file(given["--body-file"], std::ios::binary);
    if (!file) usage(given["--body-file"] + ": cannot be read");
    task.body.assign(std::istreambuf_iterator<char>(file), {});
  }
  return task;
}

int Meter::run(const std::function<void(std::uint64_t)>& work) {
  if (task_.warmup > 0) {
    calls_ = task_.warmup;
    work(task_.warmup);
  }
  latencies_.clear();
  begun_ = ended_ = 0;
  calls_ = task_.requests;
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  const TimePoint began = clock_now();
  work(task_.requests);
  const double seconds = std::chrono::duration<double>(clock_now() - began).count();
  ::getrusage(RUSAGE_SELF, &after);
  const double calls = static_cast<double>(ended_);
  const double user = microseconds(after.ru_utime) - microseconds(before.ru_utime);
  const double kernel = microseconds(after.ru_stime) - microseconds(before.ru_stime);
  const auto us = [](Duration d) { return std::chrono::duration<double, std::micro>(d).count(); };
  std::printf(
      "{\"calls\":%.0f,\"errors\":%llu,\"seconds\":%f,\"calls_per_second\":%f,"
      "\"cpu_us_per_call\":%f,\"user_us_per_call\":%f,\"p50_us\":%f,\"p90_us\":%f,\"p99_us\":%f,"
      "\"p999_us\":%f,\"p9999_us\":%f,\"max_us\":%f}\n",
      calls, static_cast<unsigned long long>(wrong_), seconds, calls / seconds,
      (user + kernel) / calls, user / calls, us(latencies_.at(0.5)), us(latencies_.at(0.9)),
      us(latencies_.at(0.99)), us(latencies_.at(0.999)), us(latencies_.at(0.9999)),
      us(latencies_.at(1)));
  return wrong_ > 0 || ended_ != task_.requests ? 1 : 0;
}

void Meter::ended(int status, std::uint64_t body_bytes, TimePoint began) noexcept {
  latencies_.record(clock_now() - began);
  ended_.fetch_add(1, std::memory_order_relaxed);
  if (status == 200 && body_bytes == task_.expect_bytes) return;
  if (wrong_.fetch_add(1) == 0)
    std::fprintf(stderr, "wrong: status %d, %llu bytes\n", status,
                 static_cast<unsigned long long>(body_bytes));
}

void Meter::failed(const char* why) noexcept {
  ended_.fetch_add(1, std::memory_order_relaxed);
  if (wrong_.fetch_add(1) == 0) std::fprintf(stderr, "failed: %s\n", why);
}

std::string_view piece_of_body() noexcept {
  static const std::string piece(512u << 10, 'x');
  return piece;
}

TimePoint clock_now() noexcept { return std::chrono::steady_clock::now(); }

Framing framing_of(std::string_view input) noexcept {
  const void* end = ::memmem(input.data(), input.size(), "\r\n\r\n", 4);
  if (end == nullptr) return {};
  Framing out;
  out.head = static_cast<std::size_t>(static_cast<const char*>(end) - input.data()) + 4;
  out.status = std::atoi(input.data() + 9);
  constexpr std::string_view field = "Content-Length: ";
  const void* at = ::memmem(input.data(), out.head, field.data(), field.size());
  if (at != nullptr)
    out.body = std::strtoull(static_cast<const char*>(at) + field.size(), nullptr, 10);
  return out;
}

int connect_to(const Task& task) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(task.host.c_str(), task.port.c_str(), &hints, &found) != 0) usage("no address");
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, found->ai_addr, found->ai_addrlen) != 0) usage("nobody listens");
  ::freeaddrinfo(found);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace callerapi::bench
