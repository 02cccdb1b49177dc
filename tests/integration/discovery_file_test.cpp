// discovery = "file".
#include "discovery_fixture.hpp"

namespace callerapi::caller {
namespace {

using support::ScriptedServer;

support::Script fine(const support::SeenRequest&) { return {.bytes = support::ok("fine")}; }

class FileDiscovery : public DiscoveryTest {
 protected:
  const std::string settings_ =
      "base_url = \"http://127.0.0.1:9\"\ndiscovery = \"file\"\ninstances_from = \"places\"\n";
};

TEST_F(FileDiscovery, TheFileSaysWhereAndIsFollowed) {
  ScriptedServer first(fine), second(fine);
  const auto port = [](const ScriptedServer& s) { return s.url().substr(s.url().rfind(':') + 1); };
  write("places", "# of the deployment\n\n127.0.0.1:" + port(first) + "\n");
  open(settings_);
  EXPECT_EQ(names(), "127.0.0.1:" + port(first) + " ") << "before the first call";
  ASSERT_TRUE(get());
  EXPECT_EQ(first.connections(), 1);

  write("places", "127.0.0.1:" + port(second) + " 3  # the newer one\r\n[::1]:80\r\n");
  ASSERT_TRUE(becomes("127.0.0.1:" + port(second) + " x3 [::1]:80 ")) << names() << logged();
  EXPECT_EQ(host_->stats().generation, 1u) << "a set of instances is no reload";
  write("places", "127.0.0.1:" + port(second));
  ASSERT_TRUE(becomes("127.0.0.1:" + port(second) + " "));
  ASSERT_TRUE(get());
  EXPECT_EQ(second.connections(), 1);
}

TEST_F(FileDiscovery, WhatIsMalformedEmptyOrGoneKeepsTheSetAndIsTold) {
  write("places", "10.0.0.1:80\n10.0.0.2:80\n");
  open(settings_);
  const std::string both = "10.0.0.1:80 10.0.0.2:80 ";
  EXPECT_EQ(names(), both);
  const auto fails_with = [&](const std::string& why) {
    EXPECT_TRUE(soon([&] {
      pass(std::chrono::seconds(1));
      return failing() == path("places") + why;
    })) << failing();
    EXPECT_EQ(names(), both);
  };
  write("places", "10.0.0.3:80\n10.0.0.4\n");
  fails_with(":2: expected host:port such as 10.0.0.1:8080 or [::1]:8080, saw \"10.0.0.4\"");
  EXPECT_NE(logged().find("svc: its instances stay as they are: " + path("places") + ":2: "),
            std::string::npos)
      << logged();
  write("places", "# nobody\n");
  fails_with(": names no instance; write one host:port on each line");
  std::filesystem::remove(path("places"));
  fails_with(": No such file or directory");
  const auto stale = host_->snapshot()->services.at("svc")->discovery->stale(host_->now());
  EXPECT_GE(stale, std::chrono::seconds(3)) << "what callerapi_discovery_stale_seconds tells";

  write("places", "10.0.0.5:80\n");
  EXPECT_TRUE(becomes("10.0.0.5:80 "));
  EXPECT_EQ(failing(), "");
  EXPECT_NE(logged().find("svc: is answered again"), std::string::npos);
}

TEST_F(FileDiscovery, ServiceInfoTellsWhyTheSetIsOld) {
  write("places", "10.0.0.1:80\n");
  write_registry(settings_);
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  const auto caller = Caller::open(path("registry.toml"), std::move(options)).value();
  EXPECT_EQ(caller.services().at(0).discovery_error, "");
  write("places", "10.0.0.1\n");
  EXPECT_TRUE(soon([&] {
    return caller.services().at(0).discovery_error.find(path("places") +
                                                        ":1: expected host:port") == 0;
  })) << caller.services().at(0).discovery_error;
  EXPECT_EQ(caller.services().at(0).instances.at(0).name, "10.0.0.1:80");
}

TEST_F(FileDiscovery, UntilThereIsAFileBaseUrlIsTheOnlyInstance) {
  open(settings_);
  EXPECT_EQ(names(), "127.0.0.1:9 ");
  EXPECT_TRUE(soon([&] { return failing() == path("places") + ": No such file or directory"; }));
  write("places", "10.0.0.1:80\n");
  EXPECT_TRUE(becomes("10.0.0.1:80 "));
}

TEST_F(FileDiscovery, AFileThatOthersMayWriteIsNotFollowed) {
  write("places", "10.0.0.1:80\n");
  std::filesystem::permissions(path("places"), std::filesystem::perms::all);
  open(settings_);
  EXPECT_EQ(names(), "127.0.0.1:9 ");
  EXPECT_TRUE(soon([&] { return failing().find("places: ") != std::string::npos; }));
  EXPECT_NE(failing().find("chmod"), std::string::npos) << failing();
  std::filesystem::permissions(path("places"), std::filesystem::perms::owner_all);
  ASSERT_TRUE(becomes("10.0.0.1:80 "));

  write("of-others", "10.0.0.2:80\n");
  std::filesystem::permissions(path("of-others"), std::filesystem::perms::all);
  std::filesystem::rename(path("of-others"), path("places"));
  EXPECT_TRUE(soon([&] {
    pass(std::chrono::seconds(1));
    return failing().find("chmod") != std::string::npos;
  }));
  std::filesystem::permissions(path("places"), std::filesystem::perms::owner_all);
  EXPECT_TRUE(becomes("10.0.0.2:80 ")) << "as soon as it is as the message asks";
}

TEST_F(FileDiscovery, AReloadKeepsTheSetAndOneThatNamesAnotherFileFollowsThat) {
  write("places", "10.0.0.1:80\n");
  write("elsewhere", "10.0.0.7:80\n");
  open(settings_);
  write_registry(settings_ + "request.id = true\n");
  const auto followed = host_->snapshot()->services.at("svc")->discovery;
  ASSERT_TRUE(host_->reload());
  EXPECT_EQ(host_->snapshot()->services.at("svc")->discovery, followed);
  write_registry(
      "base_url = \"http://127.0.0.1:9\"\ndiscovery = \"file\"\n"
      "instances_from = \"elsewhere\"\n");
  ASSERT_TRUE(host_->reload());
  EXPECT_EQ(names(), "10.0.0.7:80 ");
  write("places", "10.0.0.2:80\n");
  write("elsewhere", "10.0.0.8:80\n");
  EXPECT_TRUE(becomes("10.0.0.8:80 "));
}

TEST_F(FileDiscovery, RewritingRetiringAndReloadingAtOnceHurtsNobody) {
  const auto text = [](int i) { return "10.0.0." + std::to_string(i % 200 + 1) + ":80\n"; };
  write("places", text(0));
  open(settings_);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; !done; ++i) write("places", i % 5 == 4 ? "nonsense\n" : text(i));
  });
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (int i = 0; std::chrono::steady_clock::now() < until; ++i) {
    write_registry(i % 2 == 0 ? "base_url = \"http://127.0.0.1:9\"\n" : settings_);
    ASSERT_TRUE(host_->reload());
  }
  done = true;
  writer.join();
  write_registry(settings_);
  ASSERT_TRUE(host_->reload());
  write("places", "10.0.0.201:80\n");
  EXPECT_TRUE(becomes("10.0.0.201:80 "));
}

}  // namespace
}  // namespace callerapi::caller
