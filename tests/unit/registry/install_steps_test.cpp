#include "registry/install_steps.hpp"

#include <gtest/gtest.h>

#include <string>

namespace callerapi::registry {
namespace {

InstallStep step(const std::string& name) {
  return {.words = {"'" + name + "'", {}},
          .plugin = name,
          .file_sha256 = "sum of " + name,
          .version = "1.0.0",
          .at = "2026-01-01T00:00:00Z"};
}

std::string names(const InstallSteps& steps) {
  std::string out;
  for (const InstallStep& one : steps) out += (out.empty() ? "" : " ") + one.plugin;
  return out;
}

TEST(InstallSteps, KeepTheOneInForceAndFiveBeforeIt) {
  InstallSteps steps;
  for (char name = 'b'; name <= 'j'; ++name)
    steps = installed(steps, step({static_cast<char>(name - 1)}), step({name}));
  EXPECT_EQ(names(steps), "j i h g f e");
}

TEST(InstallSteps, ForgetWhatWasTakenBackWhenSomethingIsInstalled) {
  const InstallSteps steps{step("d"), step("c"), step("b"), step("a")};
  EXPECT_EQ(names(installed(steps, step("b"), step("e"))), "e b a");
}

TEST(InstallSteps, HaveNoWordsTwiceSoThatOneOfThemIsInForce) {
  const InstallSteps steps{step("c"), step("b"), step("a")};
  EXPECT_EQ(names(installed(steps, step("c"), step("a"))), "a c b");
}

TEST(InstallSteps, TakeInWhatWasWrittenByHand) {
  const InstallSteps steps{step("b"), step("a")};
  EXPECT_EQ(step_of(steps, step("by-hand").words), steps.size());
  EXPECT_EQ(names(installed(steps, step("by-hand"), step("c"))), "c by-hand b a");
}

// The steps are written first: after a crash they know of an install that the registry does not.
TEST(InstallSteps, OfAnInstallThatCrashedLeadOnFromWhatIsInForce) {
  const InstallSteps steps = installed({}, step("a"), step("b"));
  EXPECT_EQ(step_of(steps, step("a").words), 1u);
  EXPECT_EQ(names(installed(steps, step("a"), step("b"))), "b a");
}

TEST(InstallSteps, ComeBackFromTheirFileWhateverTheWordsHold) {
  InstallStep odd = step("a");
  odd.words = {"\"\"\"\na \\\"quoted\\\" \t name é\"\"\"", "'x'"};
  odd.at.clear();
  odd.file_sha256.clear();
  const InstallSteps steps{step("b"), odd};

  const auto again = parse_steps(format_steps("billing", steps), "f");

  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, steps);
}

TEST(InstallSteps, ThatAreNoneAreSaidSo) {
  EXPECT_EQ(parse_steps("# nothing\n", ".r.history").error().message,
            ".r.history: holds no step to go back to");
  EXPECT_EQ(parse_steps("[[step]]\nplugin = 'a'\n", "f").error().reason, "no_record");
  EXPECT_EQ(parse_steps("step = 1\n", "f").error().reason, "no_record");
  EXPECT_EQ(parse_steps("[[step]\n", "f").error().reason, "syntax");
}

}  // namespace
}  // namespace callerapi::registry
