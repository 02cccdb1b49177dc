#include "host/spawn.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "callerapi/deadline.hpp"
#include "host/plugin_file.hpp"
#include "host/sanitizer.hpp"

namespace callerapi::host {
namespace {

// The probe itself gives the plugin 2 s, and a task 10 s; this is for the case that it cannot even
// do that.
constexpr std::chrono::seconds limit{5}, task_limit{15};

Error failed(std::string why) {
  return {.outcome = Outcome::plugin_rejected, .reason = "probe_failed", .message = std::move(why)};
}
Error failed(const char* what, int error) {
  return failed(std::string(what) + ": " + std::strerror(error));
}

/// How the child begins: nothing of the host but the two descriptors, or three, its signals
/// untouched.
class Plan {
 public:
  Plan(int plugin, int verdict, int config) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, 0, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, 0, 2);
    ::posix_spawn_file_actions_adddup2(&actions_, plugin, 3);
    ::posix_spawn_file_actions_adddup2(&actions_, verdict, 4);
    if (config >= 0) ::posix_spawn_file_actions_adddup2(&actions_, config, 5);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, config >= 0 ? 6 : 5);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    // No secrets of the host's environment; a runtime in an unusual place must still be found.
    if (const char* path = std::getenv("LD_LIBRARY_PATH"))
      texts_.push_back(std::string("LD_LIBRARY_PATH=") + path);
    if (sanitized) {
      // Signals are the verdict; the sanitizer would turn them into an exit code.
      texts_.emplace_back("ASAN_OPTIONS=handle_segv=0:handle_abort=0:detect_leaks=0");
      texts_.emplace_back("TSAN_OPTIONS=handle_segv=0:handle_abort=0:die_after_fork=0");
    }
    for (std::string& text : texts_) environment_.push_back(text.data());
    environment_.push_back(nullptr);
  }
  ~Plan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  int start(const std::string& program, const std::string& task, pid_t& pid) {
    std::string name = program, what = task;
    std::array<char*, 3> arguments{name.data(), task.empty() ? nullptr : what.data(), nullptr};
    return ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, arguments.data(),
                         environment_.data());
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<std::string> texts_;
  std::vector<char*> environment_;
};

Result<std::string> read_until_closed(int fd, std::chrono::seconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd entry{fd, POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&entry, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      const std::string what =
          "callerapi-probe did not answer within " + std::to_string(time.count()) + " s";
      return failed(what.c_str(), ETIMEDOUT);
    }
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > verdict_bytes_max)
      return failed("callerapi-probe says more than " + std::to_string(verdict_bytes_max) +
                    " bytes, the longest verdict there is; is it of this version?");
  }
}

/// A file in memory with these bytes, to be read from its begin.
Fd memory_of(const std::string& bytes) {
  const Fd made(::memfd_create("callerapi:config", MFD_CLOEXEC));
  if (!made ||
      ::pwrite(made.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return {};
  return Fd(::fcntl(made.get(), F_DUPFD_CLOEXEC, 10));
}

}  // namespace

Result<std::string> spawn_and_read(const std::string& program, int plugin, const std::string& task,
                                   const std::string& config) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed("no pipe for callerapi-probe", errno);
  Fd reader(ends[0]), writer(ends[1]);
  // Clear of 0 to 4, which the child gets anew one after the other.
  Fd file(::fcntl(plugin, F_DUPFD_CLOEXEC, 10)),
      verdict(::fcntl(writer.get(), F_DUPFD_CLOEXEC, 10));
  if (!file || !verdict) return failed("no descriptor for callerapi-probe", errno);
  Fd words;
  if (!config.empty() && !(words = memory_of(config)))
    return failed("no memory file for callerapi-probe", errno);
  pid_t pid = 0;
  if (const int error = Plan(file.get(), verdict.get(), words.get()).start(program, task, pid);
      error != 0)
    return failed("callerapi-probe could not be started", error);
  writer = Fd();
  verdict = Fd();
  auto text = read_until_closed(reader.get(), task.empty() ? limit : task_limit);
  // It has said all that it can, or is late: nobody waits for what it does besides.
  ::kill(-pid, SIGKILL);
  // Nothing but tidiness: where SIGCHLD is ignored, or the host waits for any child, there is
  // nobody left to wait for.
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return text;
}

}  // namespace callerapi::host
