#include "registry/watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>

#include "base/digest.hpp"
#include "base/signals.hpp"

namespace callerapi::registry {
namespace {

constexpr int quiet_ms = 100, look_ms = 2000;

std::string digest_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  return base::sha256_hex(text);
}

}  // namespace

struct FileWatch::State {
  std::filesystem::path file;
  std::function<void()> changed;
  int inotify = -1, stop = -1;
  std::string seen;
  std::thread thread;

  bool drain() const {
    std::array<char, 4096> buffer;
    bool any = false;
    while (::read(inotify, buffer.data(), buffer.size()) > 0) any = true;
    return any;
  }

  /// False: told to stop.
  bool wait(int timeout_ms, bool& event) const {
    std::array<pollfd, 2> entries{pollfd{stop, POLLIN, 0}, pollfd{inotify, POLLIN, 0}};
    ::poll(entries.data(), entries.size(), timeout_ms);
    event = (entries[1].revents & POLLIN) != 0;
    return (entries[0].revents & POLLIN) == 0;
  }

  /// False: told to stop. Events do not cut it short.
  bool rest(int timeout_ms) const {
    pollfd entry{stop, POLLIN, 0};
    ::poll(&entry, 1, timeout_ms);
    return (entry.revents & POLLIN) == 0;
  }

  /// The folder of the name, and that of the file it leads to. Adding one twice changes nothing.
  void watch_folders() const {
    constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE;
    std::error_code failed;
    const auto target = std::filesystem::canonical(file, failed);
    for (const auto& folder : {file.parent_path(), target.parent_path()})
      ::inotify_add_watch(inotify, folder.empty() ? "." : folder.c_str(), events);
  }

  void run() {
    bool event = false;
    while (wait(look_ms, event)) {
      // One pause from the first event on, however many follow: a file written without end is
      // still read ten times a second.
      if (event && !rest(quiet_ms)) return;
      drain();
      watch_folders();
      std::error_code failed;
      if (!std::filesystem::exists(file, failed)) continue;  // between two renames
      std::string now = digest_of(file);
      if (now == seen) continue;
      seen = std::move(now);
      changed();
    }
  }
};

FileWatch::FileWatch(std::filesystem::path file, std::function<void()> changed)
    : state_(std::make_unique<State>()) {
  state_->file = std::move(file);
  state_->changed = std::move(changed);
  state_->seen = digest_of(state_->file);
  state_->inotify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  state_->stop = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state_->watch_folders();
  const base::SignalsBlocked around_the_start;
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

FileWatch::~FileWatch() {
  if (!state_) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(state_->stop, &one, sizeof one);
  state_->thread.join();
  ::close(state_->stop);
  if (state_->inotify >= 0) ::close(state_->inotify);
}

void FileWatch::abandon() noexcept { (void)state_.release(); }

}  // namespace callerapi::registry
