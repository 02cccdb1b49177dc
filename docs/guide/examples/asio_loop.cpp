// A service whose one thread runs a Boost.Asio loop: completions arrive there, beside its own work.
//   asio_loop registry.toml
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <callerapi/caller.hpp>
#include <callerapi/executor.hpp>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>

namespace asio = boost::asio;

int main(int argc, char** argv) {
  asio::io_context loop;
  auto completions = std::make_shared<callerapi::CompletionQueue>();

  // The queue owns its descriptor, and asio closes what it is given: it gets a copy.
  asio::posix::stream_descriptor watched(loop, ::dup(completions->fd()));
  std::function<void()> watch = [&] {
    watched.async_wait(asio::posix::stream_descriptor::wait_read, [&](auto error) {
      if (error) return;
      completions->drain();
      watch();
    });
  };
  watch();

  callerapi::Options options;
  options.executor = completions;
  auto caller = callerapi::Caller::open(argc > 1 ? argv[1] : "registry.toml", options);
  if (!caller) return std::fprintf(stderr, "%s\n", caller.error().message.c_str()), 1;

  int left = 3, failed = 0;
  for (const char* code : {"200", "204", "404"})
    caller->start("httpbin", "status", callerapi::Request{}.path("code", code))
        .then([&, code](callerapi::Result<callerapi::Response> answer) {
          // On the loop's own thread: no lock is needed here.
          failed += answer && answer->status == std::atoi(code) ? 0 : 1;
          if (--left == 0) loop.stop();
        });
  loop.run();
  std::printf("3 answers on the loop's thread, %d failed\n", failed);
  return failed;
}
