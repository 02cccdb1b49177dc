// Without a thread to be had opening is refused, and what runs goes on. This program answers for
// the threads of the system, to all libraries in it.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <limits>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "promises/support.hpp"
#include "support/scripted_server.hpp"

namespace {

constexpr int any_number = std::numeric_limits<int>::max();
std::atomic<int> threads_left{any_number};  ///< That the system gives.

}  // namespace

extern "C" __attribute__((visibility("default"))) int pthread_create(pthread_t* thread,
                                                                     const pthread_attr_t* how,
                                                                     void* (*work)(void*),
                                                                     void* with) noexcept {
  static const auto real =
      reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
  int left = threads_left.load();
  while (left != any_number) {
    if (left == 0) return EAGAIN;
    if (threads_left.compare_exchange_weak(left, left - 1)) break;
  }
  return real(thread, how, work, with);
}

namespace callerapi::promises {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Script ok(const SeenRequest&) { return {.bytes = support::ok("fine")}; }

/// For as long as it lives the system gives no thread but `left`.
class FewThreads {
 public:
  explicit FewThreads(int left = 0) { threads_left = left; }
  ~FewThreads() { threads_left = any_number; }
  FewThreads(const FewThreads&) = delete;
  FewThreads& operator=(const FewThreads&) = delete;
};

/// One byte from code, so the call needs a thread of its own.
Request streamed() {
  auto rest = std::make_shared<std::string>("x");
  return Request{}.path("id", "1").body(
      Body::generated([rest](std::span<char> into) -> Result<std::size_t> {
        const std::string piece = std::exchange(*rest, "");
        std::memcpy(into.data(), piece.data(), piece.size());
        return piece.size();
      }));
}

TEST(Threads, WithoutAllOfThemACallerIsNotOpenedAndSaysWhatToDo) {
  std::string pattern = (fs::temp_directory_path() / "callerapi-threads-XXXXXX").string();
  const fs::path folder = ::mkdtemp(pattern.data());
  std::ofstream(folder / "places") << "127.0.0.1:1\n";
  std::ofstream(folder / "registry.toml")
      << "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"http://x\"\n"
         "discovery = \"file\"\ninstances_from = \"places\"\n";
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  const auto open = [&](int threads) {
    const FewThreads few(threads);
    return Caller::open((folder / "registry.toml").string(), options);
  };

  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = descriptors();
  // Completions, the loop, the files with instances, the registry.
  for (int threads = 0; threads < 4; ++threads) {
    const auto refused = open(threads);
    ASSERT_FALSE(refused) << threads;
    EXPECT_EQ(refused.error().outcome, Outcome::resource_exhausted);
    EXPECT_EQ(refused.error().reason, "threads");
    EXPECT_EQ(refused.error().message,
              "no thread could be started: Resource temporarily unavailable; raise the limit of "
              "processes (ulimit -u, or pids.max of the cgroup)");
    EXPECT_EQ(descriptors(), before) << threads;
  }
  const auto opened = open(4);
  EXPECT_TRUE(opened) << opened.error().message;
  fs::remove_all(folder);
}

TEST(Threads, WithoutAnyMoreReloadsAndCallsGoOn) {
  ScriptedServer server(ok);
  Caller caller = caller_of(server.url(), "check = {path = \"/health\", interval = \"1s\"}\n");
  ASSERT_TRUE(caller.call("echo", "get", Request{}.path("id", "1")));
  const FewThreads none;
  ASSERT_TRUE(caller.reload());

  // Checks are made by the same look that comes every second for what a reload left behind.
  const auto checks = [&] {
    std::size_t count = 0;
    for (const SeenRequest& seen : server.requests()) count += seen.target == "/health";
    return count;
  };
  const std::size_t enough = checks() + 2;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (checks() < enough && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_GE(checks(), enough);
  EXPECT_TRUE(caller.call("echo", "get", Request{}.path("id", "2")));
}

TEST(Threads, ABodyFromCodeWaitsForOne) {
  ScriptedServer server(ok);
  Caller caller = caller_of(server.url());
  std::future<Result<Response>> waits;
  {
    const FewThreads none;
    waits = caller.start("echo", "put", streamed()).future();
  }
  const auto answer = waits.get();
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST(Threads, AShutdownDrainsACallThatWaitsForOne) {
  ScriptedServer server(ok);
  Caller caller = caller_of(server.url());
  std::future<Result<Response>> waits;
  {
    const FewThreads none;
    waits = caller.start("echo", "put", streamed()).future();
  }
  caller.shutdown(20s);
  const auto answer = waits.get();
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST(Threads, ANameThatNoneLooksUpEndsNoCallerAndIsLookedUpLater) {
  ScriptedServer server(ok);
  Caller caller = caller_of("http://localhost:" + std::to_string(server.port()));
  {
    const FewThreads none;
    const auto refused = caller.call("echo", "get", Request{}.path("id", "1").timeout(100ms));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().condition(), Condition::timeout) << refused.error().message;
  }
  const auto answer = caller.call("echo", "get", Request{}.path("id", "2").timeout(20s));
  EXPECT_TRUE(answer) << answer.error().message;
}

}  // namespace
}  // namespace callerapi::promises
