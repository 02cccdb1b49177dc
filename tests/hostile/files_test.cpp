// What deployers do to files of plugins that are in use.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <functional>
#include <set>

#include "stage.hpp"

namespace callerapi::hostile {
namespace {

using PluginFile = Stage;

TEST_F(PluginFile, HalfCopiedAtEveryPageKeepsTheRunningGeneration) {
  Caller caller = open_good();
  const Traffic traffic(caller, "good", "1/1");
  const std::string next = built("sound2");
  for (std::size_t size = 0; size < next.size(); size += 4096) {
    install("good", next.substr(0, size));
    const auto reloaded = caller.reload();
    ASSERT_FALSE(reloaded) << size;
    EXPECT_EQ(reloaded.error().reason, size == 0 ? "format_not_elf" : "format_truncated") << size;
  }
  EXPECT_EQ(caller.stats().generation, 1u);
}

TEST_F(PluginFile, WrittenSlowlyAppearsOnceAndWhole) {
  Caller caller = open_good();
  const std::string next = built("sound2");
  fs::remove(file("good"));
  std::ofstream slow(file("good"), std::ios::binary);
  ::chmod(file("good").c_str(), 0644);
  int applied = 0;
  for (std::size_t at = 0; at < next.size(); at += 1000) {
    EXPECT_EQ(call(caller, "good"), "1/1") << "at byte " << at;
    slow << next.substr(at, 1000) << std::flush;
    if (auto reloaded = caller.reload()) applied += static_cast<int>(reloaded->changed.size());
  }
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(call(caller, "good"), "2/2");
}

TEST_F(PluginFile, TruncatedInPlaceDisturbsNoRunningCode) {
  Caller caller = open_good();
  ASSERT_EQ(::truncate(file("good").c_str(), 100), 0);

  EXPECT_EQ(call(caller, "good"), "1/1");
  EXPECT_EQ(caller.reload().error().reason, "format_truncated");
  EXPECT_EQ(call(caller, "good"), "1/1");
}

TEST_F(PluginFile, GarbageWrittenOverItDisturbsNoRunningCode) {
  Caller caller = open_good();
  std::ofstream(file("good"), std::ios::binary) << std::string(built("sound").size(), '\xcc');

  EXPECT_EQ(call(caller, "good"), "1/1");
  EXPECT_EQ(caller.reload().error().reason, "format_not_elf");
  EXPECT_EQ(call(caller, "good"), "1/1");
}

TEST_F(PluginFile, OverwrittenInPlaceIsTheOldCodeUntilTheReloadAndTheNewAfterIt) {
  Caller caller = open_good();
  std::ofstream(file("good"), std::ios::binary) << built("sound2");  // the same inode

  EXPECT_EQ(call(caller, "good"), "1/1");
  ASSERT_TRUE(caller.reload());
  EXPECT_EQ(call(caller, "good"), "2/2");
}

/// What each descriptor of this process leads to.
std::multiset<std::string> open_files() {
  std::multiset<std::string> found;
  std::error_code gone;
  for (fs::directory_iterator at("/proc/self/fd"), end; at != end; ++at) {
    std::string to = fs::read_symlink(at->path(), gone).string();
    // Sockets and pipes are known by a number.
    found.insert(to.substr(0, to.find(':')));
  }
  return found;
}

/// Everything that may stand in place of a plugin, one after the other.
void put(const fs::path& file, unsigned turn, const std::string& one, const std::string& other) {
  const fs::path next = file.parent_path() / "swapped";
  const auto bytes = [&](const std::string& content) {
    std::ofstream(next, std::ios::binary) << content;
    ::chmod(next.c_str(), 0644);
  };
  switch (turn % 7) {
    case 0:
      bytes(one);
      break;
    case 1:
      bytes(other);
      break;
    case 2:
      bytes(one.substr(0, one.size() / 2));
      break;
    case 3:
      bytes(std::string(other.size(), '\xcc'));
      break;
    case 4:
      ::mkfifo(next.c_str(), 0644);
      break;
    case 5:
      fs::create_symlink("/proc/self/exe", next);
      break;
    default:
      if (::truncate(file.c_str(), 4096) != 0) ADD_FAILURE() << "truncate";
      return;
  }
  fs::rename(next, file);
}

TEST_F(PluginFile, SwappedWithoutPauseNeverStopsACallNorKeepsAFile) {
  registry(service("good", "allow_downgrade = true\n"));
  Caller caller = open(options()).value();
  EXPECT_EQ(call(caller, "good"), "1/1");  // its connection counts as open before
  const auto before = open_files();
  const Traffic traffic(caller, "good", "1/1");
  const std::string one = built("sound"), other = built("sound3");
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    for (unsigned turn = 0; !stop; ++turn) {
      // What is truncated must be a file.
      if (turn % 7 == 6) put(file("good"), 0, one, other);
      put(file("good"), turn, one, other);
    }
  });
  int taken = 0, refused = 0;
  for (int i = 0; i < 300; ++i) {
    const auto reloaded = caller.reload();
    if (reloaded) {
      ++taken;
    } else {
      ++refused;
      EXPECT_EQ(reloaded.error().outcome, Outcome::plugin_rejected) << reloaded.error().message;
    }
  }
  stop = true;
  swapper.join();
  install("good", one);
  const auto last = caller.reload();
  EXPECT_TRUE(last) << last.error().message;
  EXPECT_GT(taken, 0);
  EXPECT_GT(refused, 0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto settled = [&] { return open_files() == before && mapped("callerapi:good") <= 8; };
  while (!settled() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_EQ(open_files(), before) << taken << " taken, " << refused << " refused";
  EXPECT_LE(mapped("callerapi:good"), 8u) << "the segments of one copy";
}

struct Swap {
  const char* label;
  const char* reason;
  void (*swap)(const fs::path&);
};
void PrintTo(const Swap& one, std::ostream* out) { *out << one.label; }
class PluginFileBecame : public Stage, public ::testing::WithParamInterface<Swap> {};

TEST_P(PluginFileBecame, IsRefusedAndTheRunningGenerationServes) {
  Caller caller = open_good();
  fs::remove(file("good"));
  GetParam().swap(file("good"));

  const auto reloaded = caller.reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().reason, GetParam().reason) << reloaded.error().message;
  EXPECT_EQ(call(caller, "good"), "1/1");
}

INSTANTIATE_TEST_SUITE_P(
    , PluginFileBecame,
    ::testing::Values(
        Swap{"Nothing", "registry_missing_file", [](const fs::path&) {}},
        Swap{"Folder", "integrity_not_regular",
             [](const fs::path& file) { fs::create_directory(file); }},
        Swap{"Fifo", "integrity_not_regular",
             [](const fs::path& file) { ::mkfifo(file.c_str(), 0644); }},
        Swap{"Socket", "integrity_not_regular",
             [](const fs::path& file) {
               sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
               file.string().copy(address.sun_path, sizeof address.sun_path - 1);
               const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
               ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
               ::close(fd);
             }},
        Swap{"Device", "integrity_not_regular",
             [](const fs::path& file) {  // who may not make one makes do with a FIFO
               if (::mknod(file.c_str(), S_IFCHR | 0644, makedev(1, 5)) != 0)
                 ::mkfifo(file.c_str(), 0644);
             }},
        Swap{"HugeAndSparse", "integrity_too_large",
             [](const fs::path& file) {
               std::ofstream{file}.close();
               fs::resize_file(file, std::uintmax_t{1} << 36);
             }},
        Swap{"SparseUpToTheLimit", "format_not_elf",
             [](const fs::path& file) {
               std::ofstream{file}.close();
               fs::resize_file(file, std::uintmax_t{64} << 20);
             }},
        Swap{"Empty", "format_not_elf", [](const fs::path& file) { std::ofstream{file}.close(); }},
        Swap{"LinkToItself", "registry_missing_file",
             [](const fs::path& file) { fs::create_symlink(file, file); }},
        Swap{"LinkToTheProgram", "registry_plugin_path",
             [](const fs::path& file) { fs::create_symlink("/proc/self/exe", file); }},
        Swap{"LinkOut", "registry_plugin_path",
             [](const fs::path& file) {
               fs::create_symlink(fs::path(CALLERAPI_HOSTILE_DIR) / "sound.capi.so", file);
             }},
        Swap{"Program", "format_entry_missing",
             [](const fs::path& file) { fs::copy_file(CALLERAPI_TEST_PROBE, file); }},
        Swap{"Text", "format_not_elf",
             [](const fs::path& file) { std::ofstream(file) << std::string(500, 'x'); }}),
    [](const auto& one) { return std::string(one.param.label); });

}  // namespace
}  // namespace callerapi::hostile
