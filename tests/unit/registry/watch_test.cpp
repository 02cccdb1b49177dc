#include "registry/watch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

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
  FileWatch watch(file_, [this] { ++calls_; });
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

TEST_F(Watched, OnlyContentCounts) {
  write(file_, "1");
  FileWatch watch(file_, [this] { ++calls_; });
  fs::remove(file_);
  write(file_, "1");
  write(file_, "2");
  EXPECT_TRUE(reaches(1));
  EXPECT_EQ(calls_, 1) << "gone, back and unchanged is no change";
}

TEST_F(Watched, AStormStillEndsWithTheLastContent) {
  write(file_, "0");
  std::atomic<bool> last_seen{false};
  FileWatch watch(file_, [&] {
    ++calls_;
    std::string text;
    std::getline(std::ifstream(file_), text);
    last_seen = text == "last";
  });
  // Writes without a pause: a watch that waits for quiet would never speak.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  for (int i = 1; calls_ < 2 && std::chrono::steady_clock::now() < deadline; ++i)
    write(file_, std::to_string(i));
  EXPECT_GE(calls_, 2);
  write(file_, "last");
  while (!last_seen && std::chrono::steady_clock::now() < deadline + 10s)
    std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(last_seen);
}

}  // namespace
}  // namespace callerapi::registry
