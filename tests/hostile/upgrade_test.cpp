// One plugin takes another's place: what may, what may not, and what is left of the old one.
#include <atomic>
#include <chrono>

#include "stage.hpp"

// Forty copies with thread-local storage stay mapped at the end of one test. LeakSanitizer of g++
// 12 looks for that storage at the exit and now and then reads where none is any more; it is asked
// here.
static std::atomic<bool> zombies_left{false};
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name for it
extern "C" [[gnu::visibility("default")]] int __lsan_is_turned_off() {
  return zombies_left ? 1 : 0;
}

namespace callerapi::hostile {
namespace {

class Upgrade : public Stage {
 protected:
  /// Waits for what the reaper does on its own thread.
  template <class F>
  static bool soon(F&& f) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!f() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return f();
  }
  std::string refused(Caller& caller, const std::string& plugin) {
    install("good", built(plugin));
    const auto reloaded = caller.reload();
    if (reloaded) return "accepted";
    const std::string place = "services.good: " + file("good").string() + ": ";
    return reloaded.error().reason + ": " + reloaded.error().message.substr(place.size());
  }
};

TEST_F(Upgrade, TakesPlaceAndTheOldCopyIsUnmapped) {
  Caller caller = open_good();
  ASSERT_GT(mapped("callerapi:good"), 0u);
  const std::size_t one = mapped("callerapi:good");

  EXPECT_EQ(refused(caller, "sound2"), "accepted");

  EXPECT_EQ(call(caller, "good"), "2/2");
  EXPECT_TRUE(soon([&] { return mapped("callerapi:good") == one; }));
  EXPECT_EQ(caller.stats().plugins_zombie, 0u);
}

TEST_F(Upgrade, OfAnUnchangedFileKeepsTheGeneration) {
  Caller caller = open_good();
  const auto before = caller.services().at(0).generation;

  EXPECT_TRUE(caller.reload().value().changed.empty());

  EXPECT_EQ(caller.services().at(0).generation, before);
}

TEST_F(Upgrade, ThatBreaksCallersNeedsANewMajorVersion) {
  Caller caller = open_good();

  EXPECT_EQ(refused(caller, "less"),
            "contract_break: version 1.2.0 breaks callers of the running 1.0.0: get: the endpoint "
            "is gone; raise the major version");
  EXPECT_EQ(call(caller, "good"), "1/1");
  EXPECT_EQ(refused(caller, "less_major"), "accepted");
  EXPECT_EQ(call(caller, "good"), "unknown_endpoint");
}

TEST_F(Upgrade, GoesBackOnlyWhenTheRegistrySaysSo) {
  Caller caller = open_good();

  EXPECT_EQ(refused(caller, "older"),
            "contract_downgrade: is version 0.9.0, below the running 1.0.0; set allow_downgrade = "
            "true to go back");
  EXPECT_EQ(call(caller, "good"), "1/1");
  registry(service("good", "allow_downgrade = true\n"));
  EXPECT_EQ(refused(caller, "older"), "accepted");
  EXPECT_EQ(call(caller, "good"), "5/5");
}

TEST_F(Upgrade, KeepsItsId) {
  Caller caller = open_good();
  EXPECT_EQ(refused(caller, "other_id"),
            "descriptor_id_mismatch: is plugin 'stranger', but 'hostile' is running from this "
            "file; name another plugin in the registry to replace it");
  EXPECT_EQ(call(caller, "good"), "1/1");
}

TEST_F(Upgrade, OfAPinnedPluginLeavesTheOldCopyMapped) {
  registry(service("good", "unload = \"pin\"\n"));
  Caller caller = open(options()).value();
  const std::size_t one = mapped("callerapi:good");

  EXPECT_EQ(refused(caller, "sound2"), "accepted");

  EXPECT_TRUE(soon([&] { return caller.stats().plugins_draining == 0; }));
  EXPECT_EQ(mapped("callerapi:good"), 2 * one);
  EXPECT_EQ(caller.stats().plugins_zombie, 0u);
}

TEST_F(Upgrade, OfAPluginThatWillNotGoIsCountedAndItsCodeNeverAnswersForTheNext) {
  install("good", built("thread_local_dtor"));
  const std::size_t before = open_good().stats().plugins_zombie;
  Caller caller = open_good();
  EXPECT_NE(logged().find("has a thread_local object with a destructor"), std::string::npos);
  ASSERT_EQ(call(caller, "good"), "1/1");  // this thread now holds it

  EXPECT_EQ(refused(caller, "let_go"), "accepted");

  EXPECT_TRUE(soon([&] { return caller.stats().plugins_zombie == before + 1; }));
  EXPECT_EQ(call(caller, "good"), "2/2");
}

TEST_F(Upgrade, StopsWhenTooManyCopiesWillNotGo) {
  install("good", built("let_go"));
  registry(service("good", "allow_downgrade = true\n"));
  Caller caller = open(options()).value();
  std::string last = "accepted";
  for (int i = 0; i < 40 && last == "accepted"; ++i) {
    install("good", built("thread_local_dtor") + std::to_string(i));
    const auto reloaded = caller.reload();
    if (!reloaded) {
      last = reloaded.error().reason;
      break;
    }
    ASSERT_EQ(call(caller, "good"), "1/1");
    ASSERT_TRUE(soon([&] { return caller.stats().plugins_draining == 0; }));
  }
  EXPECT_EQ(last, "unload_zombie");
  zombies_left = true;
  EXPECT_EQ(call(caller, "good"), "1/1");
}

TEST_F(Upgrade, StopsWhenTooManyCopiesWillNotGoUnderEverOtherNamesToo) {
  const auto named = [&](int version) {
    const std::string plugin = "sticky-" + std::to_string(version);
    install(plugin, built("stays"));
    registry("[services.good]\nplugin = \"" + plugin + "\"\nbase_url = \"" + server_.url() +
             "\"\n");
    return file(plugin).string();
  };
  (void)named(0);
  Caller caller = open(options()).value();
  for (int i = 1; i <= 32; ++i) {
    ASSERT_EQ(call(caller, "good"), "1/1");
    (void)named(i);
    ASSERT_TRUE(caller.reload()) << i;
    ASSERT_TRUE(soon([&] { return caller.stats().plugins_draining == 0; }));
  }
  zombies_left = true;

  const std::string last = named(33);
  const auto reloaded = caller.reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().reason, "unload_zombie");
  EXPECT_EQ(reloaded.error().message,
            "services.good: " + last +
                ": 32 retired copies of plugin 'sticky' could not be unmapped, at most 32; restart "
                "the process");
  EXPECT_EQ(call(caller, "good"), "1/1");
}

}  // namespace
}  // namespace callerapi::hostile
