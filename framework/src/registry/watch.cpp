#include "registry/watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/digest.hpp"
#include "base/limits.hpp"
#include "base/mutex.hpp"
#include "base/signals.hpp"
#include "registry/news.hpp"

namespace callerapi::registry {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds look_every{2000}, look_without_events{500};
// Events come in flocks: so long is waited for the rest of one, and so much of it is read at once.
// Whoever writes without a pause may fill the queue faster than it is read; what is left in it only
// wakes us again.
constexpr milliseconds flock{20};
constexpr int reads_max = 16;

/// Every write and every rename changes one of these, whatever was done to the times.
struct Signature {
  bool there = false;
  std::uint64_t device = 0, inode = 0;
  std::int64_t size = 0, changed_s = 0, changed_ns = 0;

  static Signature of(const std::filesystem::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return {};
    return {true,         info.st_dev,         info.st_ino,
            info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
  }
  bool operator==(const Signature&) const = default;
};

class Watched {
 public:
  enum class Kind : std::uint8_t { registry, plugin, instances };
  Watched(std::filesystem::path path, std::string seen, Kind kind)
      : path_(std::move(path)),
        seen_(std::move(seen)),
        is_of_instances_(kind == Kind::instances),
        news_(kind != Kind::plugin) {}

  const std::filesystem::path& path() const noexcept { return path_; }
  /// That content is in use.
  void use(std::string sha256) { seen_ = std::move(sha256); }

  /// False: it lies there as it did.
  bool look(Clock::time_point now) {
    const Signature is = Signature::of(path_);
    if (is == signature_) return false;
    signature_ = is;
    news_.moved(now);
    return true;
  }
  /// When its content can be compared; nothing: there is no news.
  std::optional<Clock::time_point> due() const {
    return signature_.there || is_of_instances_ ? news_.due() : std::nullopt;
  }
  /// It is due: must it be read again? One of instances even with the same content: who may write
  /// to it can have been what was wrong.
  bool compare() {
    news_.compared();
    std::string now = signature_.there ? FileWatch::digest_of(path_) : "gone";
    if (now == seen_) return is_of_instances_;
    seen_ = std::move(now);
    return true;
  }

 private:
  std::filesystem::path path_;
  std::string seen_;
  bool is_of_instances_;
  Signature signature_;
  News news_;
};

}  // namespace

struct FileWatch::State {
  std::function<bool()> changed;
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  /// Also of a watch whose thread could not be started.
  ~State() {
    for (const int fd : {stop, wake, inotify})
      if (fd >= 0) ::close(fd);
  }

  int inotify = -1, stop = -1, wake = -1;
  std::thread thread;
  bool events_work = false;
  std::map<std::filesystem::path, int> folders;  ///< Watched, by their inotify number.

  base::Mutex mutex;
  std::vector<Watched> files CALLERAPI_GUARDED_BY(mutex);  ///< The registry first, if any.
  bool others CALLERAPI_GUARDED_BY(mutex) = false;         ///< Not those whose folders are watched.

  static void signal(int event) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof one);
  }

  /// Until something happens or the time is over; false: told to stop.
  bool wait(Clock::time_point until) const {
    std::array<pollfd, 3> entries{pollfd{stop, POLLIN, 0}, pollfd{wake, POLLIN, 0},
                                  pollfd{inotify, POLLIN, 0}};
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    const int ready = ::poll(entries.data(), entries.size(), static_cast<int>(std::max(left, 0L)));
    if (entries[0].revents != 0) return false;
    if (ready <= 0) return true;
    ::poll(entries.data(), 1, static_cast<int>(flock.count()));
    std::array<char, 4096> buffer;
    for (int i = 0; i < reads_max && inotify >= 0; ++i)
      if (::read(inotify, buffer.data(), buffer.size()) <= 0) break;
    if ((entries[1].revents & POLLIN) != 0)
      (void)!::read(wake, buffer.data(), sizeof(std::uint64_t));
    return entries[0].revents == 0;
  }

  /// The folder of each name, and that of the file it leads to.
  void watch_folders() {
    constexpr std::uint32_t events =
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB;
    if (inotify < 0) inotify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    std::set<std::filesystem::path> wanted;
    {
      base::Lock lock(mutex);
      for (const Watched& file : files) {
        std::error_code failed;
        const auto folder = file.path().parent_path();
        wanted.insert(folder.empty() ? "." : folder);
        const auto target = std::filesystem::canonical(file.path(), failed);
        if (!failed) wanted.insert(target.parent_path());
      }
    }
    events_work = inotify >= 0;
    if (!events_work) return;
    std::map<std::filesystem::path, int> now;
    // Adding one that is watched changes nothing; one whose folder was made anew gets a new number.
    for (const auto& folder : wanted) {
      const int number = ::inotify_add_watch(inotify, folder.c_str(), events);
      if (number >= 0)
        now.emplace(folder, number);
      else
        events_work = false;
    }
    for (const auto& old : folders)
      if (std::ranges::none_of(now, [&](const auto& kept) { return kept.second == old.second; }))
        ::inotify_rm_watch(inotify, old.second);
    folders = std::move(now);
  }

  /// Looks at every file; answers when the first of those with news is due.
  std::optional<Clock::time_point> look() {
    std::optional<Clock::time_point> first;
    bool moved = !events_work;
    {
      base::Lock lock(mutex);
      moved = std::exchange(others, false) || moved;
      for (Watched& file : files) {
        moved = file.look(Clock::now()) || moved;
        if (const auto due = file.due()) first = first ? std::min(*first, *due) : *due;
      }
    }
    // Names may lead elsewhere now. What happens there before this is seen when the news is due.
    if (moved) watch_folders();
    return first;
  }

  /// Must any that is due be read again?
  bool compare(bool refused) {
    base::Lock lock(mutex);
    bool any = false;
    for (Watched& file : files)
      if (const auto due = file.due(); due && *due <= Clock::now())
        any = file.compare() || refused || any;
    return any;
  }

  void run() {
    Clock::time_point not_before = Clock::now();
    bool refused = false;
    for (;;) {
      auto due = look();
      if (due) due = std::max(*due, not_before);
      const auto tick = Clock::now() + (events_work ? look_every : look_without_events);
      if (due && *due <= Clock::now()) {
        if (compare(refused)) {
          refused = !changed();
          not_before = Clock::now() + News::between_changes;
        }
        continue;
      }
      if (!wait(due ? std::min(*due, tick) : tick)) return;
    }
  }
};

std::string FileWatch::digest_of(const std::filesystem::path& file) {
  // What stands there may be anything by now: a pipe must not make us wait, nor a folder pass.
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return "";
  struct stat info {};
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  std::size_t left = base::limits::watched_bytes_max;
  base::Sha256 digest;
  bool whole = false;
  if (regular && static_cast<std::uint64_t>(info.st_size) <= left) {
    std::string piece(base::limits::bulk_bytes, '\0');
    ssize_t got = 0;
    while ((got = ::read(fd, piece.data(), piece.size())) > 0 || (got < 0 && errno == EINTR)) {
      const auto bytes = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
      if (bytes > left) break;
      left -= bytes;
      digest.add({piece.data(), bytes});
    }
    whole = got == 0;
  }
  ::close(fd);
  return whole ? digest.hex() : "";
}

FileWatch::FileWatch(std::filesystem::path file, std::string seen, std::function<bool()> changed)
    : state_(std::make_unique<State>()) {
  state_->changed = std::move(changed);
  {
    base::Lock lock(state_->mutex);
    state_->files.emplace_back(std::move(file), std::move(seen), Watched::Kind::registry);
  }
  start();
}

FileWatch::FileWatch(std::function<void()> changed) : state_(std::make_unique<State>()) {
  state_->changed = [changed = std::move(changed)] {
    changed();
    return true;
  };
  start();
}

void FileWatch::start() {
  // These two first: without events there is still the look.
  state_->stop = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state_->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state_->watch_folders();
  const base::SignalsBlocked around_the_start;
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

FileWatch::~FileWatch() {
  if (state_) stop();
}

void FileWatch::set_plugins(std::vector<WatchedPlugin> plugins) {
  {
    base::Lock lock(state_->mutex);
    std::vector<Watched> next;
    next.push_back(std::move(state_->files.front()));
    for (WatchedPlugin& plugin : plugins) {
      const auto known = std::find_if(state_->files.begin() + 1, state_->files.end(),
                                      [&](const Watched& w) { return w.path() == plugin.path; });
      if (known == state_->files.end()) {
        next.emplace_back(std::move(plugin.path), std::move(plugin.sha256), Watched::Kind::plugin);
      } else {
        known->use(std::move(plugin.sha256));
        next.push_back(std::move(*known));
        state_->files.erase(known);
      }
    }
    state_->files = std::move(next);
  }
  State::signal(state_->wake);
}

void FileWatch::set_files(std::vector<std::filesystem::path> files) {
  {
    base::Lock lock(state_->mutex);
    std::vector<Watched> next;
    for (std::filesystem::path& path : files) {
      const auto known = std::ranges::find(state_->files, path, &Watched::path);
      if (known == state_->files.end())
        next.emplace_back(std::move(path), "", Watched::Kind::instances);
      else
        next.push_back(*known);
    }
    state_->files = std::move(next);
    state_->others = true;
  }
  State::signal(state_->wake);
}

void FileWatch::stop() {
  if (!state_ || !state_->thread.joinable()) return;
  State::signal(state_->stop);
  state_->thread.join();
}

void FileWatch::abandon() noexcept { (void)state_.release(); }

}  // namespace callerapi::registry
