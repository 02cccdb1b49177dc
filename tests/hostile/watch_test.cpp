// A plugin file that is replaced while its service is called, with nobody asking for a reload.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>

#include "stage.hpp"

namespace callerapi::hostile {
namespace {

using namespace std::chrono_literals;

class WatchedPlugin : public Stage {
 protected:
  Caller open_watching() {
    registry(service("good", "watch = true\n"));
    Options with = options();
    with.watch = true;
    return open(std::move(with)).value();
  }
  /// Over the old file, in ten pieces: the pace is what is tested.
  void write_slowly(const std::string& bytes) const {
    const int fd = ::open(file("good").c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    for (std::size_t at = 0; at < bytes.size(); at += bytes.size() / 10 + 1) {
      const std::string part = bytes.substr(at, bytes.size() / 10 + 1);
      ASSERT_EQ(::write(fd, part.data(), part.size()), static_cast<ssize_t>(part.size()));
      std::this_thread::sleep_for(200ms);
    }
    ::close(fd);
  }
  static void expect_once_and_whole(Caller& caller) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    // It is remembered a moment after it is in force.
    while ((call(caller, "good") != "2/2" || caller.reloads().empty()) &&
           std::chrono::steady_clock::now() < until)
      continue;
    EXPECT_EQ(call(caller, "good"), "2/2");
    EXPECT_EQ(caller.stats().reloads_applied, 2u) << "opening is the first";
    EXPECT_EQ(caller.stats().reloads_refused, 0u) << "half a file was tried";
    ASSERT_EQ(caller.reloads().size(), 1u);
    const std::string line = caller.reloads().at(0).changes.at(0);
    EXPECT_TRUE(
        line.starts_with("good: changed: plugin good 1.0.0 -> good 1.1.0, plugin file "
                         "sha256 "))
        << line;
  }
};

TEST_F(WatchedPlugin, ReplacedByRenameAppearsOnce) {
  Caller caller = open_watching();
  install("good", built("sound2"));
  expect_once_and_whole(caller);
}

TEST_F(WatchedPlugin, AFolderGivenAsTheRegistryIsRefused) {
  fs::create_directory(folder_ / "registry.toml");
  Options with = options();
  with.watch = true;
  const auto opened = open(std::move(with));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message,
            (folder_ / "registry.toml").string() + ": is not a file that can be read");
}

TEST_F(WatchedPlugin, WrittenForTwoSecondsAppearsOnceAndWholeAndNoCallFails) {
  Caller caller = open_watching();
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0};
  std::thread traffic([&] {
    while (!stop) {
      const std::string answer = call(caller, "good");
      if (answer != "1/1" && answer != "2/2") ++failed;
    }
  });

  write_slowly(built("sound2"));

  expect_once_and_whole(caller);
  stop = true;
  traffic.join();
  EXPECT_EQ(failed.load(), 0);
}

TEST_F(WatchedPlugin, ThatIsNoPluginIsRefusedOnceAndTheNextOneIsTaken) {
  Caller caller = open_watching();
  install("good", built("sound").substr(0, 5000));
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (caller.stats().reloads_refused == 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  EXPECT_EQ(call(caller, "good"), "1/1");

  install("good", built("sound2"));
  while (call(caller, "good") != "2/2" && std::chrono::steady_clock::now() < until) continue;

  EXPECT_EQ(call(caller, "good"), "2/2");
  EXPECT_EQ(caller.stats().reloads_refused, 1u);
}

/// Of a service that is not required: left out at first, and there once its file is.
class LeftOutPlugin : public WatchedPlugin {
 protected:
  static constexpr const char* optional = "watch = true\nrequired = false\n";
  Caller open_without_it() {
    registry(service("good", "watch = true\n") + service("late", optional));
    Options with = options();
    with.watch = true;
    return open(std::move(with)).value();
  }
  static void expect_it_comes(Caller& caller) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (caller.services().size() < 2 && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    EXPECT_EQ(call(caller, "late"), "2/2");
  }
};

TEST_F(LeftOutPlugin, ThatWasMissingIsLoadedWhenItComes) {
  Caller caller = open_without_it();
  ASSERT_EQ(caller.services().size(), 1u);
  install("late", built("sound2"));
  expect_it_comes(caller);
}

TEST_F(LeftOutPlugin, ThatWasRefusedIsLoadedWhenItIsReplaced) {
  install("late", built("sound").substr(0, 5000));
  Caller caller = open_without_it();
  ASSERT_EQ(caller.services().size(), 1u);
  install("late", built("sound2"));
  expect_it_comes(caller);
}

TEST_F(WatchedPlugin, ThatOthersMayWriteIsTakenOnceTheyMayNot) {
  Caller caller = open_watching();
  const fs::path next = folder_ / "plugins" / "next";
  std::ofstream(next, std::ios::binary) << built("sound2");
  ::chmod(next.c_str(), 0664);
  fs::rename(next, file("good"));
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (caller.stats().reloads_refused == 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(call(caller, "good"), "1/1");

  ::chmod(file("good").c_str(), 0644);
  while (call(caller, "good") != "2/2" && std::chrono::steady_clock::now() < until) continue;

  EXPECT_EQ(call(caller, "good"), "2/2");
}

}  // namespace
}  // namespace callerapi::hostile
