// Libraries in one process: each keeps its own code and state, however much they look alike.
#include "stage.hpp"

namespace callerapi::hostile {
namespace {

using Together = Stage;

TEST_F(Together, TwoWithTheSameNamesKeepTheirOwn) {
  install("one", built("clash1"));
  install("two", built("clash2"));
  registry(service("one") + service("two") + service("good"));
  Caller caller = open(options()).value();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(call(caller, "one"), "1.0.1/1");
    EXPECT_EQ(call(caller, "two"), "1.0.2/2");
    EXPECT_EQ(call(caller, "good"), "1/1");
  }
}

TEST_F(Together, AHardLinkAndACopyOfALoadedFileAreLibrariesOfTheirOwn) {
  install("one", built("counts"));
  fs::create_hard_link(file("one"), file("link"));
  install("copy", built("counts"));
  registry(service("one") + service("link") + service("copy"));
  Caller caller = open(options()).value();

  EXPECT_EQ(call(caller, "one"), "1/1");
  EXPECT_EQ(call(caller, "one"), "2/1");
  EXPECT_EQ(call(caller, "link"), "1/1");
  EXPECT_EQ(call(caller, "copy"), "1/1");
}

TEST_F(Together, TwoServicesOfOneFileShareNoState) {
  install("one", built("counts"));
  registry(service("one") + "[services.other]\nplugin = \"one\"\nbase_url = \"" + server_.url() +
           "\"\n");
  Caller caller = open(options()).value();

  EXPECT_EQ(call(caller, "one"), "1/1");
  EXPECT_EQ(call(caller, "one"), "2/1");
  EXPECT_EQ(call(caller, "other"), "1/1");
}

TEST_F(Together, OneThatCallsBackWithNothingInItsHandsHarmsNobody) {
  install("bad", built("calls_back"));
  registry(service("bad") + service("good"));
  Caller caller = open(options()).value();

  EXPECT_EQ(call(caller, "bad"), "1/1");
  EXPECT_EQ(call(caller, "good"), "1/1");
}

}  // namespace
}  // namespace callerapi::hostile
