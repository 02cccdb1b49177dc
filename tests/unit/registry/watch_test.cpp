#include "registry/watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "base/limits.hpp"

namespace callerapi::registry {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Watched : public testing::Test {
 protected:
  Watched() {
    std::string name = "/tmp/callerapi-watch-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ / "registry.toml";
  }
  ~Watched() override { fs::remove_all(folder_); }

  static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  std::function<bool()> counting() {
    return [this] {
      ++calls_;
      return true;
    };
  }
  std::string seen() const { return FileWatch::digest_of(file_); }
  bool reaches(int count) const {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (calls_ < count && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(5ms);
    return calls_ >= count;
  }

  fs::path folder_, file_;
  std::atomic<int> calls_{0};
};

TEST_F(Watched, WritesRenamesAndSymlinkSwapsAreSeen) {
  write(folder_ / "one", "1");
  fs::create_symlink("one", file_);
  FileWatch watch(file_, seen(), counting());
  write(folder_ / "one", "2");
  EXPECT_TRUE(reaches(1)) << "in place";
  write(folder_ / "new", "3");
  fs::rename(folder_ / "new", folder_ / "one");
  EXPECT_TRUE(reaches(2)) << "rename";
  write(folder_ / "two", "4");
  fs::create_symlink("two", folder_ / "link");
  fs::rename(folder_ / "link", file_);
  EXPECT_TRUE(reaches(3)) << "symlink";
}

TEST_F(Watched, WhatWasWrittenSinceTheFileWasReadIsToldOf) {
  write(file_, "1");
  std::string read = seen();
  write(file_, "2");
  FileWatch watch(file_, std::move(read), counting());
  EXPECT_TRUE(reaches(1));
}

TEST_F(Watched, OnlyContentCounts) {
  write(file_, "1");
  FileWatch watch(file_, seen(), counting());
  fs::remove(file_);
  write(file_, "1");
  write(file_, "2");
  EXPECT_TRUE(reaches(1));
  EXPECT_EQ(calls_, 1) << "gone, back and unchanged is no change";
}

TEST_F(Watched, AfterARefusalWhoMayWriteItCountsUntilItIsTakenOver) {
  write(file_, "1");
  std::atomic<bool> takes{false};
  FileWatch watch(file_, seen(), [&] {
    const bool taken = takes;
    ++calls_;
    return taken;
  });
  write(file_, "2");
  EXPECT_TRUE(reaches(1));
  takes = true;
  fs::permissions(file_, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_TRUE(reaches(2)) << "the same content, and another mode";

  // Now it is in use: another mode is no news. The next content marks the end.
  fs::permissions(file_, fs::perms::owner_all);
  write(folder_ / "new", "3");
  fs::rename(folder_ / "new", file_);
  EXPECT_TRUE(reaches(3));
  EXPECT_EQ(calls_, 3);
}

TEST_F(Watched, AStormStillEndsWithTheLastContent) {
  write(file_, "0");
  std::atomic<bool> last_seen{false};
  FileWatch watch(file_, seen(), [&] {
    ++calls_;
    std::string text;
    std::getline(std::ifstream(file_), text);
    last_seen = text == "last";
    return true;
  });
  // Writes without a pause: a watch that waits for quiet would never speak. Over the old content,
  // not behind a cut: else a look may always find nothing.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  for (int i = 1'000'000; calls_ < 2 && std::chrono::steady_clock::now() < deadline; ++i) {
    const std::string text = std::to_string(i);
    const int fd = ::open(file_.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(fd);
  }
  EXPECT_GE(calls_, 2);
  write(file_, "last");
  while (!last_seen && std::chrono::steady_clock::now() < deadline + 10s)
    std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(last_seen);
}

TEST_F(Watched, AtMostTenChangesASecondAreToldOfAndTheLastOneIs) {
  write(file_, "0");
  const fs::path plugin = folder_ / "x.capi.so";
  std::mutex mutex;
  std::vector<std::chrono::steady_clock::time_point> told;
  std::atomic<bool> last_seen{false};
  FileWatch watch(file_, seen(), [&] {
    std::lock_guard lock(mutex);
    told.push_back(std::chrono::steady_clock::now());
    std::string text;
    std::getline(std::ifstream(file_), text);
    last_seen = text == "last";
    return true;
  });
  watch.set_plugins({{plugin, base::sha256_hex(std::string())}});
  const auto stop = std::chrono::steady_clock::now() + 2s;
  for (int i = 1; std::chrono::steady_clock::now() < stop; ++i) {
    write(folder_ / "new", std::to_string(i));
    fs::rename(folder_ / "new", file_);
    if (i % 100 == 0) write(plugin, std::to_string(i));
  }
  write(file_, "last");
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!last_seen && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(1ms);

  EXPECT_TRUE(last_seen);
  std::lock_guard lock(mutex);
  EXPECT_GE(told.size(), 2u);
  for (std::size_t i = 1; i < told.size(); ++i) EXPECT_GE(told[i] - told[i - 1], 100ms);
}

TEST_F(Watched, FilesBesideTheRegistryAreNobodysBusiness) {
  write(file_, "1");
  FileWatch watch(file_, seen(), counting());
  for (const char* name : {".registry.toml.swp", "4913", "registry.toml~", "#registry.toml#"}) {
    write(folder_ / name, "x");
    fs::remove(folder_ / name);
  }
  write(folder_ / "new", "1");
  fs::rename(folder_ / "new", file_);
  write(folder_ / "next", "2");
  fs::rename(folder_ / "next", file_);
  EXPECT_TRUE(reaches(1));
  EXPECT_EQ(calls_, 1);
}

TEST_F(Watched, AnOverflowOfTheQueueOfEventsLosesNoChange) {
  write(file_, "1");
  std::promise<void> inside, go_on;
  std::shared_future<void> may_go_on = go_on.get_future().share();
  FileWatch watch(file_, seen(), [&] {
    if (calls_ == 0) inside.set_value();
    may_go_on.wait();
    ++calls_;
    return true;
  });
  write(file_, "2");
  ASSERT_EQ(inside.get_future().wait_for(10s), std::future_status::ready);
  // Nobody reads the queue now. Three events each, and the kernel keeps 16,384.
  for (int i = 0; i < 7000; ++i) {
    write(folder_ / "noise", "");
    fs::remove(folder_ / "noise");
  }
  write(file_, "3");
  go_on.set_value();

  EXPECT_TRUE(reaches(2));
}

TEST_F(Watched, WithoutEventsItStillLooks) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "UBSan's check of virtual calls needs a descriptor of its own";
#endif
  write(file_, "1");
  // Room for the two descriptors that the watch cannot do without, and none for inotify's.
  const int next = ::open("/dev/null", O_RDONLY);
  ::close(next);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(next) + 2;
  ::setrlimit(RLIMIT_NOFILE, &few);
  FileWatch watch(file_, seen(), counting());
  EXPECT_EQ(::fcntl(next + 1, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(next + 2, F_GETFD), -1) << "there are events after all";
  ::setrlimit(RLIMIT_NOFILE, &before);
  write(file_, "2");
  EXPECT_TRUE(reaches(1));
}

TEST_F(Watched, AFolderInPlaceOfTheFileIsAChangeLikeAnyOther) {
  write(file_, "1");
  FileWatch watch(file_, seen(), counting());
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_TRUE(reaches(1)) << "a folder";
  EXPECT_EQ(seen(), "");
  fs::remove(file_);
  write(file_, "2");
  EXPECT_TRUE(reaches(2)) << "a file again";
}

TEST_F(Watched, APipeInPlaceOfTheFileHoldsNobodyUp) {
  write(file_, "1");
  FileWatch watch(file_, seen(), counting());
  fs::remove(file_);
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_TRUE(reaches(1));
  // Lets one go that waits for a writer, so that this ends in any case.
  ::close(::open(file_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  watch.stop();
}

TEST_F(Watched, WhatIsLargerThanAllThatIsReadHasNoDigest) {
  write(file_, "1");
  fs::resize_file(file_, base::limits::watched_bytes_max);
  EXPECT_EQ(seen().size(), 64u);
  fs::resize_file(file_, base::limits::watched_bytes_max + 1);
  EXPECT_EQ(seen(), "");
  fs::resize_file(file_, std::uintmax_t{1} << 40);
  EXPECT_EQ(seen(), "") << "a hole of a tebibyte";
}

/// A plugin file, watched, and what a reload would read at the moment it is told of.
class WatchedPluginFile : public Watched {
 protected:
  WatchedPluginFile() {
    write(file_, "1");
    write(plugin_, old_);
    watch_.emplace(file_, seen(), [this] {
      std::ifstream stream(plugin_, std::ios::binary);
      std::lock_guard lock(mutex_);
      seen_.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
      ++calls_;
      return true;
    });
    watch_->set_plugins({{plugin_, base::sha256_hex(old_)}});
  }
  ~WatchedPluginFile() override { watch_.reset(); }

  /// Ten pieces in two seconds: the pace is what is tested.
  void write_slowly(int flags, bool open_for_each) const {
    int fd = ::open(plugin_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
    for (std::size_t piece = 0; piece < 10; ++piece) {
      const std::string part = new_.substr(piece * new_.size() / 10, new_.size() / 10);
      ASSERT_EQ(::write(fd, part.data(), part.size()), static_cast<ssize_t>(part.size()));
      if (open_for_each) {
        ::close(fd);
        fd = ::open(plugin_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
      }
      std::this_thread::sleep_for(200ms);
    }
    ::close(fd);
  }
  void expect_once_and_whole() {
    EXPECT_TRUE(reaches(1));
    // A second one would have come with the next look; the registry's change marks the end.
    write(file_, "2");
    EXPECT_TRUE(reaches(2));
    std::lock_guard lock(mutex_);
    EXPECT_EQ(seen_.size(), 2u);
    for (const std::string& seen : seen_) EXPECT_TRUE(seen == new_) << seen.size() << " bytes";
  }

  const std::string old_ = std::string(100'000, 'o'), new_ = std::string(100'000, 'n');
  const fs::path plugin_ = folder_ / "x.capi.so";
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::optional<FileWatch> watch_;
};

TEST_F(WatchedPluginFile, ReplacedByRenameAppearsOnceAndWhole) {
  write(folder_ / "next", new_);
  fs::rename(folder_ / "next", plugin_);
  expect_once_and_whole();
}

TEST_F(WatchedPluginFile, WrittenOverInTwoSecondsAppearsOnceAndWhole) {
  write_slowly(0, false);
  expect_once_and_whole();
}

TEST_F(WatchedPluginFile, CutAndAppendedToForTwoSecondsAppearsOnceAndWhole) {
  write_slowly(O_TRUNC, true);
  expect_once_and_whole();
}

TEST_F(WatchedPluginFile, BehindASwappedSymlinkAppearsOnceAndWhole) {
  fs::create_directories(folder_ / "v2");
  fs::create_directories(folder_ / "v1");
  fs::rename(plugin_, folder_ / "v1" / "x.capi.so");
  fs::create_symlink("v1", folder_ / "data");
  fs::create_symlink("data/x.capi.so", plugin_);
  write(folder_ / "v2" / "x.capi.so", new_);
  fs::create_symlink("v2", folder_ / "next");
  fs::rename(folder_ / "next", folder_ / "data");
  expect_once_and_whole();
}

TEST_F(WatchedPluginFile, IsForgottenWhenItIsNoLongerNamed) {
  watch_->set_plugins({});
  write(plugin_, new_);
  write(file_, "2");
  EXPECT_TRUE(reaches(1));
  EXPECT_EQ(calls_, 1);
}

TEST_F(Watched, FilesOfInstancesAreToldOfWhenTheyComeChangeAndGo) {
  FileWatch watch([this] { ++calls_; });
  const fs::path places = folder_ / "places";
  watch.set_files({places});
  write(places, "1");
  EXPECT_TRUE(reaches(1)) << "comes";
  write(places, "2");
  EXPECT_TRUE(reaches(2)) << "changes";
  fs::remove(places);
  EXPECT_TRUE(reaches(3)) << "goes";
  watch.set_files({});
  watch.stop();
}

}  // namespace
}  // namespace callerapi::registry
