// One hostile plugin each: the host survives, says what is wrong, and goes on serving.
#include <signal.h>

#include <chrono>

#include "stage.hpp"

namespace callerapi::hostile {
namespace {

struct Case {
  const char* plugin;
  const char* reason;
  const char* text;  ///< After "services.bad: FILE: ".
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.plugin; }

class HostilePlugin : public Stage, public ::testing::WithParamInterface<Case> {};

TEST_P(HostilePlugin, IsRefusedWhileTheOthersServe) {
  Caller caller = open_good();
  const Traffic traffic(caller, "good", "1/1");
  install("bad", built(GetParam().plugin));
  registry(service("bad") + service("good"));

  const auto reloaded = caller.reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().outcome, Outcome::plugin_rejected);
  EXPECT_EQ(reloaded.error().reason, GetParam().reason);
  EXPECT_EQ(reloaded.error().message,
            "services.bad: " + file("bad").string() + ": " + GetParam().text);
  EXPECT_EQ(call(caller, "bad"), "unknown_service");
  EXPECT_EQ(caller.stats().generation, 1u);
}

constexpr const char* exits =
    "loading it ended a child process with exit code 0; a plugin must not call exit()";
constexpr const char* late =
    "loading it in a child process took longer than 2 s; constructors and create() must not block";

INSTANTIATE_TEST_SUITE_P(
    , HostilePlugin,
    ::testing::Values(
        Case{"ctor_throws", "probe_crashed:SIGABRT",
             "loading it killed a child process by SIGABRT; does a static constructor throw, or "
             "create() touch what is not there?"},
        Case{"ctor_aborts", "probe_crashed:SIGABRT",
             "loading it killed a child process by SIGABRT; does a static constructor throw, or "
             "create() touch what is not there?"},
        Case{"ctor_traps", "probe_crashed:SIGSEGV",
             "loading it killed a child process by SIGSEGV; does a static constructor throw, or "
             "create() touch what is not there?"},
        Case{"ctor_exits", "probe_exit", exits}, Case{"ctor_hangs", "probe_timeout", late},
        Case{
            "ctor_floods", "probe_failed",
            "loading it in a child process said more than 4194304 bytes, the longest verdict there "
            "is; a plugin must write to no descriptor that it did not open"},
        Case{"create_hangs", "probe_timeout", late},
        Case{"create_throws", "probe_refused:create_failed",
             "create() threw an exception across the border; catch it inside"},
        Case{"million_endpoints", "probe_refused:descriptor_table",
             "endpoints: 1000000 rows of 96 bytes; at most 1024 rows of 96 to 4096"},
        Case{"nul_in_name", "probe_refused:descriptor_text",
             "endpoint #0 name holds a control byte"},
        Case{"imports_exit", "policy_forbidden_import",
             "calls exit(), which would end the host's process; leave that to the host"},
        Case{"starts_thread", "policy_forbidden_import",
             "calls pthread_create(), which would leave a thread in it after it is unmapped; leave "
             "that to the host"},
        Case{"undefined_function", "probe_refused:load_failed",
             "the loader refused it: /proc/self/fd/3: undefined symbol: nowhere_function"},
        Case{"undefined_data", "probe_refused:load_failed",
             "the loader refused it: /proc/self/fd/3: undefined symbol: nowhere_data"},
        Case{"textrel", "policy_textrel",
             "has relocations in its code; compile all of it with -fPIC"},
        Case{"duplicate_endpoint", "probe_refused:descriptor_duplicate_endpoint",
             "two endpoints are named 'get'"},
        Case{"huge_name", "probe_refused:descriptor_text",
             "endpoint #0 name is 65536 bytes long, at most 4096 allowed"},
        Case{"no_note", "format_note_missing",
             "has no note .note.callerapi of 152 bytes; rebuild it with the current "
             "CALLERAPI_PLUGIN(...)"},
        Case{"other_abi", "abi_major_mismatch",
             "built for ABI 7, this host speaks 0; rebuild the plugin"},
        Case{"other_note", "descriptor_note_mismatch",
             "its note is of stranger 1.0.0, its descriptor of hostile 1.0.0; build it again from "
             "one source"},
        Case{"unique_symbol", "policy_unique_symbols",
             "exports the unique symbol 'unique_state', which would keep it loaded for ever; build "
             "it with callerapi_add_plugin()"},
        Case{"two_exports", "policy_extra_exports",
             "exports 'second_export' beside 'callerapi_plugin_v0'; expected that one alone: build "
             "it with callerapi_add_plugin()"},
        Case{"lazy", "policy_lazy_binding",
             "binds its symbols at the first call; link it with -Wl,-z,now"},
        Case{"run_path", "policy_search_path",
             "carries the RUNPATH '/tmp'; link it without -rpath"},
        Case{"exec_stack", "policy_executable_stack",
             "asks for an executable stack; link it with -Wl,-z,noexecstack"},
        Case{"foreign_library", "policy_forbidden_needed",
             "needs libz.so.1; a plugin may need libc, libm, the C++ runtime and libcrypto.so.3 "
             "only: link the rest statically"}),
    [](const auto& one) { return std::string(one.param.plugin); });

using Hosting = Stage;

TEST_F(Hosting, ALibraryThatIsNotThereIsNamed) {
  Caller caller = open_good();
  install("bad", built("missing_library"));
  registry(service("bad") + service("good"));

  const auto reloaded = caller.reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().reason, "probe_refused:load_failed");
  // The rest is the loader's: not there at all, or there for 32 bits.
  const std::string text =
      "services.bad: " + file("bad").string() + ": the loader refused it: ld-linux.so.2: ";
  EXPECT_EQ(reloaded.error().message.substr(0, text.size()), text);
  EXPECT_EQ(call(caller, "good"), "1/1");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(Hosting, ASanitizerThatTheHostHasNotIsRefused) {
  Caller caller = open_good();
  install("bad", built("sanitized"));
  registry(service("bad") + service("good"));

  const auto reloaded = caller.reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().message,
            "services.bad: " + file("bad").string() +
                ": needs the sanitizer runtime libasan.so.8, which this host is built without; "
                "build it without sanitizer");
  EXPECT_EQ(call(caller, "good"), "1/1");
}
#endif

TEST_F(Hosting, AConstructorThatHangsCostsNobodyElseTime) {
  Caller caller = open_good();
  install("bad", built("ctor_hangs"));
  registry(service("bad") + service("good"));
  std::atomic<bool> done{false};
  std::thread reload([&] {
    EXPECT_FALSE(caller.reload());
    done = true;
  });
  int calls = 0;
  while (!done) calls += call(caller, "good") == "1/1" ? 1 : -1'000'000;
  reload.join();
  EXPECT_GT(calls, 100);
}

TEST_F(Hosting, TheProbeNeedsNoSigchld) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);
  install("good", built("sound") + "1");  // new bytes: no verdict is known
  Caller caller = open_good();
  install("bad", built("ctor_aborts"));
  registry(service("bad") + service("good"));
  EXPECT_EQ(caller.reload().error().reason, "probe_crashed:SIGABRT");
  EXPECT_EQ(call(caller, "good"), "1/1");
  ::signal(SIGCHLD, before);
}

TEST_F(Hosting, WithoutAProbeNothingIsLoaded) {
  install("good", built("sound") + "2");
  registry(service("good"));
  Options without = options();
  without.probe = "/nowhere/callerapi-probe";

  const auto opened = open(std::move(without));

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "probe_missing");
  EXPECT_EQ(opened.error().message,
            "services.good: " + file("good").string() +
                ": cannot be probed: no program at /nowhere/callerapi-probe; install "
                "callerapi-probe or set Options::probe");
}

TEST_F(Hosting, FortyServicesNeedOneProbeForEachDistinctFile) {
  const fs::path count = folder_ / "count", script = folder_ / "probe";
  std::ofstream(script) << "#!/bin/sh\necho probed >> " << count.string() << "\nexec "
                        << CALLERAPI_TEST_PROBE << "\n";
  ::chmod(script.c_str(), 0755);
  std::string services;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "s" + std::to_string(i);
    install(name, built("sound") + "40" + std::to_string(i % 8));
    services += service(name);
  }
  registry(services);
  Options counted = options();
  counted.probe = script.string();

  Caller caller = open(std::move(counted)).value();
  ASSERT_TRUE(caller.reload());

  EXPECT_EQ(bytes_of(count).size(), 8 * std::string("probed\n").size());
  EXPECT_EQ(call(caller, "s39"), "1/1");
}

TEST_F(Hosting, ACreateThatHangsInTheHostOnlyIsLeftBehind) {
  Caller caller = open_good();
  const Traffic traffic(caller, "good", "1/1");
  install("bad", built("sound"));
  registry(service("bad", "config = { create_hangs = \"yes\" }\n") + service("good"));

  const auto reloaded = caller.reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().reason, "create_timeout");
  EXPECT_EQ(reloaded.error().message,
            "services.bad: " + file("bad").string() +
                ": create() has not returned within 5 s; its library stays mapped");
}

TEST_F(Hosting, ABadPluginThatIsNotRequiredStopsNobody) {
  install("bad", built("ctor_aborts"));
  registry(service("bad", "required = false\n") + service("good"));

  Caller caller = open(options()).value();

  EXPECT_EQ(call(caller, "good"), "1/1");
  EXPECT_EQ(call(caller, "bad"), "unknown_service");
  EXPECT_NE(logged().find("not required, so it is left out"), std::string::npos) << logged();

  install("bad", built("sound"));
  ASSERT_TRUE(caller.reload());
  EXPECT_EQ(call(caller, "bad"), "1/1");
  install("bad", built("ctor_aborts"));
  ASSERT_TRUE(caller.reload());
  EXPECT_EQ(call(caller, "bad"), "1/1") << "the running generation keeps serving";
}

}  // namespace
}  // namespace callerapi::hostile
