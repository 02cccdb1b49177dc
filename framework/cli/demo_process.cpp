#include "demo_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <utility>
#include <vector>

extern char** environ;

namespace callerapi::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds start_limit{10}, stop_limit{2};

Error failure(std::string message) {
  return {.outcome = Outcome::internal, .reason = "demo", .message = std::move(message)};
}

/// Waits until `fd` is readable; false at `until`.
bool readable(int fd, Clock::time_point until) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd watched{fd, POLLIN, 0};
    const int ready = poll(&watched, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

/// The first line that arrives; empty when there is none in time.
std::string first_line(int fd) {
  std::string line;
  const auto until = Clock::now() + start_limit;
  while (line.find('\n') == std::string::npos && readable(fd, until)) {
    std::array<char, 128> piece;
    const ssize_t got = read(fd, piece.data(), piece.size());
    if (got <= 0) break;
    line.append(piece.data(), static_cast<std::size_t>(got));
  }
  return line.substr(0, line.find('\n'));
}

}  // namespace

ServiceProcess::ServiceProcess(std::string program, std::string data)
    : program_(std::move(program)), data_(std::move(data)) {}

ServiceProcess::~ServiceProcess() { stop(); }

bool ServiceProcess::spawn(int input, int output) {
  std::vector<std::string> words{program_,      "--data", data_,
                                 "--until-eof", "--port", std::to_string(port_)};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  // A group of its own: Ctrl-C at the terminal reaches us alone, and we stop it in order.
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
  const int error = posix_spawn(&pid_, program_.c_str(), &files, &how, argv.data(), environ);
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) pid_ = -1;
  return error == 0;
}

Result<void> ServiceProcess::start() {
  std::array<int, 2> in, out;
  if (pipe2(in.data(), O_CLOEXEC) != 0) return failure(program_ + ": no pipe for its input");
  if (pipe2(out.data(), O_CLOEXEC) != 0) {
    close(in[0]);
    close(in[1]);
    return failure(program_ + ": no pipe for its output");
  }
  const bool spawned = spawn(in[0], out[1]);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  const std::string line = spawned ? first_line(out[0]) : "";
  close(out[0]);
  const auto colon = line.rfind(':');
  std::uint16_t port = 0;
  if (colon != std::string::npos)
    std::from_chars(line.data() + colon + 1, line.data() + line.size(), port);
  if (port == 0) {
    stop();
    return failure(program_ + (spawned ? ": did not say where it listens within 10 s"
                                       : ": cannot be started; build the target 'all' or "
                                         "install the component 'demo'"));
  }
  port_ = port;
  return {};
}

void ServiceProcess::freeze() const {
  if (pid_ > 0) kill(pid_, SIGSTOP);
}

void ServiceProcess::reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  close(std::exchange(input_, -1));
}

void ServiceProcess::kill_now() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  reap();
}

void ServiceProcess::stop() {
  if (pid_ <= 0) {
    if (input_ >= 0) close(std::exchange(input_, -1));
    return;
  }
  kill(pid_, SIGCONT);
  kill(pid_, SIGTERM);
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (fd < 0 || !readable(fd, Clock::now() + stop_limit)) kill(pid_, SIGKILL);
  if (fd >= 0) close(fd);
  reap();
}

std::uint64_t ServiceProcess::memory_peak_kib() const {
  return pid_ > 0 ? cli::memory_peak_kib(std::to_string(pid_)) : 0;
}

std::uint64_t memory_peak_kib(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  std::string word;
  std::uint64_t kib = 0;
  while (status >> word)
    if (word == "VmHWM:" && status >> kib) return kib;
  return 0;
}

}  // namespace callerapi::cli
