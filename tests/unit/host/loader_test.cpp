#include "host/loader.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "host/elf_preflight.hpp"
#include "support/mere_child.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::host {
namespace {

namespace fs = std::filesystem;

std::string good_bytes() {
  std::ifstream file(CALLERAPI_TEST_PLUGINS "/httpbin.capi.so", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A folder of plugins that vanishes with the test.
class PluginFolder : public testing::Test {
 protected:
  PluginFolder() {
    std::string pattern = (fs::temp_directory_path() / "callerapi-host-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PluginFolder() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    ::chmod((folder_ / name).c_str(), 0644);
  }
  Result<std::shared_ptr<const Generation>> load_one(const std::string& plugin,
                                                     const std::string& sha256 = "") const {
    return load_one(plugin, prober_, sha256);
  }
  Result<std::shared_ptr<const Generation>> load_one(const std::string& plugin, Prober& prober,
                                                     const std::string& sha256 = "") const {
    const LoadWith with{{log_, reaper_, counters_}, prober, none_, none_};
    return load({.service = "billing",
                 .plugin = plugin,
                 .plugin_dir = folder_,
                 .sha256 = sha256,
                 .config = {},
                 .running = nullptr},
                with);
  }

  fs::path folder_;
  base::Log log_;
  mutable Counters counters_;
  mutable Reaper reaper_{log_, counters_};
  mutable Prober prober_{""};
  std::vector<const capi_plugin*> none_;
};

TEST_F(PluginFolder, AGoodPluginIsCopiedAndLetGo) {
  write("httpbin.capi.so", good_bytes());

  auto loaded = load_one("httpbin");

  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->tables.id, "httpbin");
  EXPECT_EQ((*loaded)->code, nullptr);
  std::ifstream maps("/proc/self/maps");
  const std::string text((std::istreambuf_iterator<char>(maps)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text.find("callerapi:httpbin"), std::string::npos)
      << "a declarative plugin stays mapped";
}

TEST_F(PluginFolder, AProbeThatStaysAfterItsVerdictIsNotWaitedFor) {
  write("a.capi.so", good_bytes() + folder_.string());
  write("probe", "#!/bin/sh\necho '{\"fingerprint\":\"2a\"}' >&4\nexec sleep 1000 4>&-\n");
  ::chmod((folder_ / "probe").c_str(), 0755);
  Prober prober((folder_ / "probe").string());

  EXPECT_EQ(prober.probe(seal_plugin(folder_ / "a.capi.so", false).value()).value(), 42u);
}

TEST_F(PluginFolder, AProbeThatSaysTooMuchIsKilledAndSaidToHaveDoneSo) {
  write("a.capi.so", good_bytes() + "a probe knows it by its sum");
  write("probe", "#!/bin/sh\nhead -c 5242880 /dev/zero >&4\nexec sleep 60 <&4\n");
  ::chmod((folder_ / "probe").c_str(), 0755);
  Prober prober((folder_ / "probe").string());

  const auto loaded = load_one("a", prober);

  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, "probe_failed");
  EXPECT_EQ(loaded.error().message,
            "services.billing: " + (folder_ / "a.capi.so").string() +
                ": callerapi-probe says more than 4194304 bytes, the longest verdict there is; is "
                "it of this version?");
}

/// Three files and a probe that waits until it runs three times at once, and then tells which
/// signals each thread of its parent blocks.
class ManyProbes : public PluginFolder {
 protected:
  ManyProbes() {
    ::chmod(folder_.c_str(), 0777);
    write("probe", "#!/bin/sh\ncd '" + folder_.string() +
                       "'\n: > mark.$$\n"
                       "for i in 1 2 3 4 5 6 7 8 9 10; do\n"
                       "  [ $(ls mark.* | wc -l) -ge 3 ] && break; sleep 0.2\ndone\n"
                       "grep -H SigBlk /proc/$PPID/task/*/status > seen.$$\n"
                       "echo '{\"fingerprint\":\"1\"}' >&4\n");
    ::chmod((folder_ / "probe").c_str(), 0755);
    for (const char* name : {"a.capi.so", "b.capi.so", "c.capi.so"}) {
      write(name, good_bytes() + name + folder_.string());
      sealed_.push_back(seal_plugin(folder_ / name, true).value());
      files_.push_back(&sealed_.back());
    }
  }

  std::list<SealedFile> sealed_;
  std::vector<const SealedFile*> files_;
};

TEST_F(ManyProbes, RunOnThreadsThatTakeNoSignal) {
  Prober prober((folder_ / "probe").string());
  prober.probe_all(files_);

  const std::string own = "/task/" + std::to_string(::getpid()) + "/";
  std::size_t others = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (!entry.path().filename().string().starts_with("seen.")) continue;
    std::ifstream lines(entry.path());
    for (std::string line; std::getline(lines, line);) {
      if (line.find(own) != line.npos) continue;
      ++others;
      // All but SIGKILL, SIGSTOP and the two of the C library.
      EXPECT_TRUE(line.ends_with("fffffffe7ffbfeff")) << line;
    }
  }
  EXPECT_GE(others, 2u);
}

TEST_F(ManyProbes, AreLeftToOneThreadWhereThereAreNoMore) {
  EXPECT_EQ(support::said_by_child([&] {
              support::let_threads(1);
              Prober prober((folder_ / "probe").string());
              prober.probe_all(files_);
              // Neither can a process be had; that it says so is enough.
              return prober.probe(*files_.front()).error().reason;
            }),
            "probe_failed");
}

TEST_F(PluginFolder, AHalfCopiedFileIsRefusedAtEveryLengthAndNeverKillsTheHost) {
  const std::string bytes = good_bytes();
  for (std::size_t size = 0; size < bytes.size(); size += 97) {
    write("half.capi.so", bytes.substr(0, size));
    auto loaded = load_one("half");
    ASSERT_FALSE(loaded) << size;
    EXPECT_EQ(loaded.error().outcome, Outcome::plugin_rejected);
  }
}

TEST_F(PluginFolder, SpoiledBytesNeverCrashThePreflight) {
  const std::string bytes = good_bytes();
  for (std::size_t at = 0; at < bytes.size(); at += at < 4096 ? 1 : 7)
    for (const char spoiled : {'\0', '\x7f', '\xff'}) {
      std::string broken = bytes;
      broken[at] = spoiled;
      (void)preflight(broken, "broken");
    }
}

TEST_F(PluginFolder, TheNoteNamesThePluginBeforeItIsLoaded) {
  const auto inspected = preflight(good_bytes(), "x");

  ASSERT_TRUE(inspected) << inspected.error().message;
  EXPECT_EQ(inspected->note.id, "httpbin");
  EXPECT_EQ(inspected->note.abi_major, CALLERAPI_ABI_MAJOR);
  EXPECT_FALSE(inspected->note.version.empty());
  EXPECT_FALSE(inspected->note.compiler.empty());
  EXPECT_TRUE(inspected->warnings.empty());
}

TEST_F(PluginFolder, ThePinDecides) {
  write("httpbin.capi.so", good_bytes());
  const std::string real = load_one("httpbin").value()->sha256;

  EXPECT_TRUE(load_one("httpbin", real));
  auto wrong = load_one("httpbin", std::string(64, '0'));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason, "integrity_hash_mismatch");
  EXPECT_NE(wrong.error().message.find(real), std::string::npos);
}

TEST_F(PluginFolder, AFileThatOthersMayWriteIsRefusedWithTheMend) {
  write("httpbin.capi.so", good_bytes());
  const std::string file = (folder_ / "httpbin.capi.so").string();
  ::chmod(file.c_str(), 0666);

  auto loaded = load_one("httpbin");

  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, "integrity_unsafe_mode");
  EXPECT_EQ(loaded.error().message, "services.billing: " + file +
                                        ": is writable by group or others; run: chmod go-w '" +
                                        file + "'");
}

TEST_F(PluginFolder, ReplacingTheFileLoadsTheNewBytes) {
  write("a.capi.so", good_bytes());
  const auto first = load_one("a").value();
  std::ifstream other(CALLERAPI_TEST_PLUGINS "/http.capi.so", std::ios::binary);
  write("a.capi.so", {std::istreambuf_iterator<char>(other), std::istreambuf_iterator<char>()});

  const auto second = load_one("a").value();

  EXPECT_EQ(first->tables.id, "httpbin");
  EXPECT_EQ(second->tables.id, "http");
  EXPECT_GT(second->number, first->number);
}

/// Bytes this process has read so far, from whatever.
std::uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t count = 0;
  io >> name >> count;
  return count;
}

TEST_F(PluginFolder, AFileThatRestedIsNotReadAgainUntilItChanges) {
  const std::string bytes = good_bytes();
  write("a.capi.so", bytes);
  const auto first = load_one("a").value();
  const auto again = [&] {
    const LoadWith with{{log_, reaper_, counters_}, prober_, none_, none_};
    const LoadRequest request{.service = "billing",
                              .plugin = "a",
                              .plugin_dir = folder_,
                              .sha256 = "",
                              .config = {},
                              .running = first,
                              .same_setup = true};
    const std::uint64_t before = bytes_read();
    auto loaded = LoadsInTurn({&request, 1}, with).next();
    return std::pair(std::move(loaded), bytes_read() - before);
  };
  const std::uint64_t read = again().second;
  EXPECT_GE(read, bytes.size()) << "a file so young may change under the same stamp";
  EXPECT_LT(read, 2 * bytes.size()) << "what was verified ahead is read again to be loaded";

  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (again().second >= bytes.size())
    ASSERT_LT(std::chrono::steady_clock::now(), until) << "it rests, and is read every time";
  EXPECT_EQ(again().first.value(), first);

  struct stat was {};
  ASSERT_EQ(::stat((folder_ / "a.capi.so").c_str(), &was), 0);
  std::ifstream other(CALLERAPI_TEST_PLUGINS "/http.capi.so", std::ios::binary);
  std::string others{std::istreambuf_iterator<char>(other), std::istreambuf_iterator<char>()};
  others.resize(bytes.size(), '\0');
  write("a.capi.so", others);
  const timespec times[] = {was.st_atim, was.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "a.capi.so").c_str(), times, 0), 0);
  const auto seen = again().first;
  ASSERT_FALSE(seen) << "other bytes of the same size and time are taken for the old ones";
  EXPECT_NE(seen.error().message.find("is plugin 'http'"), std::string::npos)
      << seen.error().message;
}

struct BadName {
  const char* label;
  const char* name;
  const char* reason;
};
class BadPluginName : public PluginFolder, public testing::WithParamInterface<BadName> {};

TEST_P(BadPluginName, IsRefused) {
  write("text.capi.so", "this is no library, however long it may be: " + std::string(200, '.'));
  fs::create_directory(folder_ / "folder.capi.so");
  ::mkfifo((folder_ / "fifo.capi.so").c_str(), 0644);
  fs::create_symlink("/etc/passwd", folder_ / "link.capi.so");
  auto loaded = load_one(GetParam().name);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, GetParam().reason) << loaded.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    , BadPluginName,
    testing::Values(BadName{"Missing", "missing", "registry_missing_file"},
                    BadName{"Parent", "../x", "registry_plugin_path"},
                    BadName{"Absolute", "/etc/passwd", "registry_plugin_path"},
                    BadName{"LeadsOut", "link", "registry_plugin_path"},
                    BadName{"Text", "text", "format_not_elf"},
                    BadName{"Folder", "folder", "integrity_not_regular"},
                    BadName{"Fifo", "fifo", "integrity_not_regular"},
                    BadName{"NotLinkedIn", "static:billing", "registry_missing_file"},
                    BadName{"NoContract", "caller:billing", "registry_missing_file"}),
    [](const auto& bad) { return std::string(bad.param.label); });

}  // namespace
}  // namespace callerapi::host
