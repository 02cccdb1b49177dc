// What deployers do to files of plugins that are in use.
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

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
    ::testing::Values(Swap{"Nothing", "registry_missing_file", [](const fs::path&) {}},
                      Swap{"Folder", "integrity_not_regular",
                           [](const fs::path& file) { fs::create_directory(file); }},
                      Swap{"Fifo", "integrity_not_regular",
                           [](const fs::path& file) { ::mkfifo(file.c_str(), 0644); }},
                      Swap{"LinkOut", "registry_plugin_path",
                           [](const fs::path& file) {
                             fs::create_symlink(fs::path(CALLERAPI_HOSTILE_DIR) / "sound.capi.so",
                                                file);
                           }},
                      Swap{"Program", "format_entry_missing",
                           [](const fs::path& file) { fs::copy_file(CALLERAPI_TEST_PROBE, file); }},
                      Swap{"Text", "format_not_elf",
                           [](const fs::path& file) {
                             std::ofstream(file) << std::string(500, 'x');
                           }}),
    [](const auto& one) { return std::string(one.param.label); });

}  // namespace
}  // namespace callerapi::hostile
