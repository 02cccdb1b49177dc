// callerapi-probe: loads one plugin where it can do no harm. Descriptor 3 is the plugin, sealed;
// descriptor 4 takes the verdict, one JSON object; descriptor 5, if there is one, holds the
// configuration for the checks of the kit. An argument names another task than the trial:
// `describe`, or a check of the conformance kit. The program forks while it has one thread: the
// child loads, the parent tells how that ended.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>

#include "checks.hpp"
#include "host/sanitizer.hpp"
#include "host/spawn.hpp"
#include "kit_host.hpp"
#include "trial.hpp"

namespace {

using callerapi::host::PluginFault;
using callerapi::probe::plugin_fd;
using callerapi::probe::refusal;

constexpr int verdict_fd = 4, config_fd = 5;
// A host waits for the trial; for a check of the kit only its author does.
constexpr std::chrono::seconds trial_limit{2}, check_limit{10};

void write_all(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    at += static_cast<std::size_t>(n);
  }
}

/// False: there is a configuration, and it cannot be used.
bool take_config() {
  if (::fcntl(config_fd, F_GETFD) < 0) return true;
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t n = 1; n != 0;) {
    n = ::pread(config_fd, buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(config_fd);
  return callerapi::probe::give_config(text);
}

void bound(int what, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  ::setrlimit(static_cast<__rlimit_resource>(what), &limit);
}

void bound_child(std::chrono::seconds time) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  bound(RLIMIT_CORE, 0, 0);
  bound(RLIMIT_FSIZE, 0, 0);
  const auto seconds = static_cast<rlim_t>(time.count());
  bound(RLIMIT_CPU, seconds, seconds + 1);
  bound(RLIMIT_NOFILE, 64, 64);
  // A sanitizer reserves terabytes of addresses for its shadow.
  if (!callerapi::host::sanitized) bound(RLIMIT_AS, 1u << 30, 1u << 30);
}

/// Reads what the child says until it ends, its time is over, or it is more than any verdict.
std::string listen(int fd, std::chrono::seconds time, bool& late) {
  const auto until = std::chrono::steady_clock::now() + time;
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() <= callerapi::host::verdict_bytes_max) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd entry{fd, POLLIN, 0};
    late = left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0;
    if (late) return text;
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text;
}

std::string watch(pid_t child, int fd, std::chrono::seconds time) {
  bool late = false;
  std::string text = listen(fd, time, late);
  ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const bool too_long = text.size() > callerapi::host::verdict_bytes_max;
  if (!too_long && text.ends_with('\n')) return text;
  if (late || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
    return refusal(PluginFault::probe_timeout, "",
                   "loading it in a child process took longer than " +
                       std::to_string(time.count()) +
                       " s; constructors and create() must not block");
  if (too_long)
    return refusal(PluginFault::probe_failed, "",
                   "loading it in a child process said more than " +
                       std::to_string(callerapi::host::verdict_bytes_max) +
                       " bytes, the longest verdict there is; a plugin must write to no descriptor "
                       "that it did not open");
  if (WIFSIGNALED(status)) {
    const char* signal = ::sigabbrev_np(WTERMSIG(status));
    const std::string shown = "SIG" + std::string(signal == nullptr ? "?" : signal);
    return refusal(PluginFault::probe_crashed, shown,
                   "loading it killed a child process by " + shown +
                       "; does a static constructor throw, or create() touch what is not there?");
  }
  return refusal(PluginFault::probe_exit, "",
                 "loading it ended a child process with exit code " +
                     std::to_string(WEXITSTATUS(status)) + "; a plugin must not call exit()");
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> ends{};
  if (::fcntl(plugin_fd, F_GETFD) < 0 || ::fcntl(verdict_fd, F_GETFD) < 0 || !take_config() ||
      ::pipe2(ends.data(), O_CLOEXEC) != 0)
    return 2;  // started by hand: it has nobody to tell
  const std::string_view task = argc > 1 ? argv[1] : "";
  const bool described = task.empty() || task == "describe";
  const auto* check = callerapi::probe::find_check(task);
  if (!described && check == nullptr) return 2;  // a task of another version
  const auto time = described ? trial_limit : check_limit;
  const pid_t child = ::fork();
  if (child < 0) return 2;
  if (child == 0) {
    ::close(verdict_fd);
    ::close(ends[0]);
    // A second copy of the plugin is made before files may not grow.
    const int copy = check != nullptr && check->wants_copy ? callerapi::probe::copy_plugin() : -1;
    bound_child(time);
    write_all(ends[1], (described ? callerapi::probe::trial(task == "describe")
                                  : callerapi::probe::run(*check, copy)) +
                           "\n");
    ::_exit(0);
  }
  ::close(ends[1]);
  write_all(verdict_fd, watch(child, ends[0], time));
  return 0;
}
