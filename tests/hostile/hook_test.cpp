// Hooks that throw or block, after they were loaded: what nobody can see beforehand.
#include "stage.hpp"

namespace callerapi::hostile {
namespace {

class Hooks : public Stage {
 protected:
  Caller open_with(const std::string& plugin) {
    install("bad", built(plugin));
    registry(service("bad") + service("good"));
    return open(options()).value();
  }
  static ServiceInfo info(Caller& caller, const std::string& name) {
    for (const ServiceInfo& one : caller.services())
      if (one.name == name) return one;
    return {};
  }
};

TEST_F(Hooks, ThatThrowFailTheirCallAndThenRest) {
  Caller caller = open_with("hook_throws");
  const Traffic traffic(caller, "good", "1/1");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call(caller, "bad"), "hook_threw");

  EXPECT_EQ(call(caller, "bad"), "hook_off");
  EXPECT_TRUE(info(caller, "bad").hooks_off);
  EXPECT_EQ(info(caller, "bad").hook_failures, 10u);
  EXPECT_FALSE(info(caller, "good").hooks_off);
  EXPECT_EQ(info(caller, "good").hook_failures, 0u);
  EXPECT_EQ(caller.stats().hook_failures, 10u);
  EXPECT_NE(logged().find("hook on_request threw or took over 50 ms 10 times in a row; it is off "
                          "for 10 s"),
            std::string::npos)
      << logged();
}

TEST_F(Hooks, ThatBlockAreCountedAndThenRest) {
  Caller caller = open_with("hook_slow");
  const Traffic traffic(caller, "good", "1/1");
  std::vector<std::thread> threads;
  for (int i = 0; i < 10; ++i) threads.emplace_back([&] { EXPECT_EQ(call(caller, "bad"), "1/1"); });
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(call(caller, "bad"), "hook_off");
  EXPECT_EQ(info(caller, "bad").hook_slow, 10u);
}

TEST_F(Hooks, ThatOnlyLookAreLeftOutWhileTheyRest) {
  Caller caller = open_with("on_response_throws");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call(caller, "bad"), "hook_threw");

  EXPECT_EQ(call(caller, "bad"), "1/1");
}

TEST_F(Hooks, MayHoldTextsOfARequestOverTheirOwnChanges) {
  install("bad", built("hook_keeps"));
  registry(service("bad", "[services.bad.headers]\nX-First = \"first\"\n"));
  Caller caller = open(options()).value();

  EXPECT_EQ(call(caller, "bad"), "1/1");
}

TEST_F(Hooks, LogOneLineAtATimeWhateverTheySay) {
  Caller caller = open_with("hook_logs");
  const std::size_t before = logged().size();

  EXPECT_EQ(call(caller, "bad"), "1/1");

  EXPECT_EQ(logged().substr(before), "a\\x0ab\\x1b[2J\nc\\xc2\\x85 d\n\\xff\nna\xc3\xafve\n" +
                                         std::string(4095, 'l') + "...\n");
}

TEST_F(Hooks, AreOffInSafeMode) {
  install("good", built("sound"));
  registry(service("good"));
  Options safe = options();
  safe.environment->emplace("CALLERAPI_SAFE_MODE", "1");
  Caller caller = open(std::move(safe)).value();

  EXPECT_EQ(call(caller, "good"), "-/-");
  EXPECT_EQ(mapped("callerapi:good"), 0u);
  EXPECT_NE(logged().find("safe mode: its hooks are off"), std::string::npos);
}

}  // namespace
}  // namespace callerapi::hostile
