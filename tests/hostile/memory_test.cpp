// Systems that forbid to execute what lies in memory files, by a real filter on system calls around
// the program `callerapi`; and plugins loaded by path, for a debugger.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "stage.hpp"

namespace callerapi::hostile {
namespace {

constexpr std::uint32_t answer(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}
constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
constexpr sock_filter unless(std::uint32_t value, std::uint8_t skip) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

/// As vm.memfd_noexec=2 does.
constexpr std::array no_memory_files = {load(offsetof(seccomp_data, nr)),
                                        unless(SYS_memfd_create, 1),
                                        sock_filter BPF_STMT(BPF_RET | BPF_K, answer(EACCES)),
                                        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};

/// As a noexec mount does, for the mapping by which a copy is tried: one page from the beginning.
constexpr std::array no_executable_copies = {
    load(offsetof(seccomp_data, nr)),
    unless(SYS_mmap, 7),
    load(offsetof(seccomp_data, args) + 8),
    unless(4096, 5),
    load(offsetof(seccomp_data, args) + 16),
    unless(PROT_READ | PROT_EXEC, 3),
    load(offsetof(seccomp_data, args) + 32),
    sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffffu, 1, 0),  // no file
    sock_filter BPF_STMT(BPF_RET | BPF_K, answer(EPERM)),
    sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};

class Memory : public Stage {
 protected:
  /// What `callerapi call good get` says under that filter, errors included.
  template <std::size_t N>
  std::string call_under(const std::array<sock_filter, N>& filter) const {
    const std::string said = folder_ / "said", registry = folder_ / "registry.toml";
    std::array<sock_filter, N> rules = filter;
    const sock_fprog program{N, rules.data()};
    const pid_t child = ::fork();
    if (child == 0) {
      const int out = ::open(said.c_str(), O_WRONLY | O_CREAT, 0600);
      ::dup2(out, 1);
      ::dup2(out, 2);
      if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
          ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        ::_exit(99);
      ::execl(CALLERAPI_TEST_PROGRAM, "callerapi", "--registry", registry.c_str(), "call", "good",
              "get", "--param", "id=1", nullptr);
      ::_exit(98);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 98) << status;
    return bytes_of(said);
  }
  std::size_t leftovers() const {
    std::size_t found = 0;
    for (const auto& entry : fs::directory_iterator(folder_ / "tmp"))
      found += entry.exists() ? 1 : 0;
    return found;
  }
  Memory() {
    fs::create_directory(folder_ / "tmp");
    ::setenv("TMPDIR", (folder_ / "tmp").c_str(), 1);
    registry(service("good"));
  }
  ~Memory() override { ::unsetenv("TMPDIR"); }
};

TEST_F(Memory, ThatMayNotBeExecutedIsReplacedByAFileWithoutAName) {
  EXPECT_EQ(call_under(no_memory_files), "1/1");
  EXPECT_EQ(leftovers(), 0u);
}

TEST_F(Memory, AndAFolderThatMayNotEitherIsSaidWithBothReasons) {
  const std::string said = call_under(no_executable_copies);

  EXPECT_NE(said.find(file("good").string() +
                      ": its copy cannot be executed: memory: Operation not permitted; " +
                      (folder_ / "tmp").string() +
                      ": Operation not permitted; set TMPDIR to a folder that is not mounted "
                      "noexec"),
            std::string::npos)
      << said;
  EXPECT_EQ(leftovers(), 0u);
}

TEST_F(Memory, MapsNameThePluginItsVersionAndItsBuild) {
  install("good", built("with_build_id"));
  Caller caller = open_good();

  EXPECT_GT(mapped("/memfd:callerapi:good.capi.so:hostile@1.0.0:00112233445566"), 0u);
  EXPECT_NE(logged().find(file("good").string() +
                          ": is hostile 1.0.0, build-id 0011223344556677, sha256 "),
            std::string::npos)
      << logged();
}

class Debugged : public Stage {
 protected:
  Caller open_debugged() {
    Options debugged = options();
    debugged.environment->emplace("CALLERAPI_DEBUG_PLUGINS", "1");
    return open(std::move(debugged)).value();
  }
};

TEST_F(Debugged, PluginsAreLoadedFromTheirFilesAndNeverUnmapped) {
  registry(service("good") + "[services.other]\nplugin = \"good\"\nbase_url = \"" + server_.url() +
           "\"\n");
  {
    Caller caller = open_debugged();
    EXPECT_EQ(call(caller, "good"), "1/1");
    EXPECT_EQ(call(caller, "other"), "1/1") << "one library for both";
    EXPECT_EQ(mapped("callerapi:good"), 0u);
    EXPECT_NE(logged().find("CALLERAPI_DEBUG_PLUGINS=1: plugins are loaded from their files, and a "
                            "new version needs a restart"),
              std::string::npos);
  }
  EXPECT_GT(mapped(file("good").string()), 0u);
}

TEST_F(Debugged, ANewFileIsRefusedForTheLoaderWouldAnswerWithTheOldCode) {
  registry(service("good"));
  Caller caller = open_debugged();
  install("good", built("sound2"));

  const auto reloaded = caller.reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().reason, "load_already_resident");
  EXPECT_EQ(reloaded.error().message,
            "services.good: " + file("good").string() +
                ": has changed, and CALLERAPI_DEBUG_PLUGINS=1 keeps the code that was loaded "
                "first; restart the process");
  EXPECT_EQ(call(caller, "good"), "1/1");
}

}  // namespace
}  // namespace callerapi::hostile
