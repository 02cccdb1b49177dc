#include "common/server.hpp"

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <callerapi/json.hpp>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

namespace service {
namespace {

// A kept connection occupies its thread, so this is also how many clients may stay connected.
constexpr int threads_max = 64;
constexpr int accept_queue_max = 256;

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

class Handler : public Poco::Net::HTTPRequestHandler {
 public:
  explicit Handler(const std::vector<Route>& routes) : routes_(routes) {}

  void handleRequest(Poco::Net::HTTPServerRequest& request,
                     Poco::Net::HTTPServerResponse& response) override {
    Exchange exchange(request, response);
    try {
      route(exchange);
    } catch (const std::exception& e) {
      std::cerr << exchange.method() << ' ' << exchange.path() << ": " << e.what() << std::endl;
      if (exchange.answered()) throw;
      exchange.problem(500, "the service failed; its log says why");
    }
  }

 private:
  void route(Exchange& exchange) {
    std::string allowed;
    for (const Route& route : routes_) {
      auto holes = match(route.pattern, exchange.path());
      if (!holes) continue;
      if (route.method == exchange.method()) {
        exchange.set_holes(std::move(*holes));
        route.run(exchange);
        return;
      }
      allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    if (allowed.empty()) return exchange.problem(404, "no such path");
    exchange.set_header("Allow", allowed);
    exchange.problem(405, "this path takes " + allowed);
  }

  const std::vector<Route>& routes_;
};

class Factory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  explicit Factory(std::vector<Route> routes) : routes_(std::move(routes)) {}
  Poco::Net::HTTPRequestHandler* createRequestHandler(
      const Poco::Net::HTTPServerRequest&) override {
    return new Handler(routes_);
  }

 private:
  const std::vector<Route> routes_;
};

/// Blocks SIGTERM and SIGINT in this thread and all it will start; readable when one arrived.
int stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC);
}

void wait_for_stop(int signals, bool until_eof) {
  std::array<pollfd, 2> watched{pollfd{signals, POLLIN, 0},
                                pollfd{until_eof ? STDIN_FILENO : -1, POLLIN, 0}};
  for (;;) {
    if (poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[0].revents != 0) return;
    std::array<char, 256> ignored;
    if (watched[1].revents != 0 && read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) return;
  }
}

void add_common(std::string_view name, std::string_view version, std::vector<Route>& routes) {
  callerapi::json::Writer json;
  json.begin_object().member("name", name).member("version", version).end_object();
  routes.push_back(
      {"GET", "/health", [](Exchange& e) { e.reply_json(200, R"({"status":"ok"})"); }});
  routes.push_back(
      {"GET", "/version", [text = json.take()](Exchange& e) { e.reply_json(200, text); }});
}

}  // namespace

std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> holes;
  while (!pattern.empty() && !path.empty()) {
    if (pattern.front() != '/' || path.front() != '/') return std::nullopt;
    const std::string_view wanted = next_segment(pattern), found = next_segment(path);
    if (wanted.starts_with('{') && !found.empty())
      holes.emplace_back(found);
    else if (wanted != found)
      return std::nullopt;
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return holes;
}

bool read_arguments(int argc, char** argv, Arguments& into) {
  bool sound = true;
  for (int i = 1; i < argc && sound; ++i) {
    const std::string_view word = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--until-eof") {
      into.until_eof = true;
    } else if (word == "--data") {
      into.data = value;
      ++i;
    } else if (word == "--port") {
      const auto end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, into.port);
      sound = error == std::errc() && stop == end;
      ++i;
    } else {
      sound = false;
    }
  }
  std::error_code error;
  if (!into.data.empty()) std::filesystem::create_directories(into.data, error);
  if (sound && !into.data.empty() && !error) return true;
  std::cerr << "usage: " << argv[0] << " --data DIR [--port N] [--until-eof]\n";
  return false;
}

int serve(std::string_view name, std::string_view version, const Arguments& arguments,
          std::vector<Route> routes) try {
  const int signals = stop_signals();
  add_common(name, version, routes);

  // The port may still hold connections of a predecessor, but never a second listener.
  Poco::Net::ServerSocket socket;
  socket.bind(Poco::Net::SocketAddress("127.0.0.1", arguments.port), true, false);
  socket.listen(accept_queue_max);
  Poco::ThreadPool threads(4, threads_max);
  Poco::Net::HTTPServerParams::Ptr params = new Poco::Net::HTTPServerParams;
  params->setMaxThreads(threads_max);
  params->setMaxQueued(accept_queue_max);
  params->setKeepAlive(true);
  params->setKeepAliveTimeout(Poco::Timespan(60, 0));
  params->setMaxKeepAliveRequests(0);
  Poco::Net::HTTPServer server(new Factory(std::move(routes)), threads, socket, params);
  server.start();
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(socket.address().port()));
  std::fflush(stdout);

  wait_for_stop(signals, arguments.until_eof);
  server.stopAll(true);
  threads.joinAll();
  close(signals);
  return 0;
} catch (const std::exception& e) {
  std::cerr << name << ": " << e.what() << ": port " << arguments.port << '\n';
  return 1;
}

}  // namespace service
