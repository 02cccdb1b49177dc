#include "registry/environment.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace callerapi::registry {
namespace {

const Environment environment{{"A", "one"}, {"EMPTY", ""}, {"NESTED", "${A}"}};

struct Good {
  const char *text, *expected;
};
class Expansions : public testing::TestWithParam<Good> {};
TEST_P(Expansions, PutIn) {
  const auto result = expand(GetParam().text, environment, ".");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->text, GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(Expand, Expansions,
                         testing::Values(Good{"plain", "plain"}, Good{"", ""},
                                         Good{"x${A}y", "xoney"}, Good{"${A}${A}", "oneone"},
                                         Good{"${B:-two}", "two"}, Good{"${B:-}", ""},
                                         Good{"${EMPTY:-two}", "two"}, Good{"${A:-two}", "one"},
                                         Good{"${A:?say}", "one"},
                                         Good{"${B:-http://h:1/?q}", "http://h:1/?q"},
                                         Good{"$${A}", "${A}"}, Good{"${NESTED}", "${A}"}));

struct Bad {
  const char *text, *reason, *message;
};
class Refusals : public testing::TestWithParam<Bad> {};
TEST_P(Refusals, NameTheVariableAndNoValue) {
  const auto result = expand(GetParam().text, environment, "/nowhere");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, GetParam().reason);
  EXPECT_EQ(result.error().message, GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(
    Expand, Refusals,
    testing::Values(
        Bad{"${B}", "env_missing",
            "environment variable B is not set; set it, or write ${B:-default}"},
        Bad{"${EMPTY}", "env_missing",
            "environment variable EMPTY is empty; set it, or write ${EMPTY:-default}"},
        Bad{"${B:?set B to the address}", "env_missing",
            "environment variable B is not set; set B to the address"},
        Bad{"${file:token}", "file", "${file:token}: there is no such file"},
        Bad{"$A", "expansion",
            "a '$' that begins neither '${...}' nor '$$'; write '$$' for a dollar sign"},
        Bad{"${A", "expansion",
            "a '$' that begins neither '${...}' nor '$$'; write '$$' for a dollar sign"},
        Bad{"${A+x}", "expansion",
            "${A+x}: expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:path}"}));

class EnvironmentFile : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = testing::TempDir() + "env_" + std::to_string(::getpid()) + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
};

TEST_F(EnvironmentFile, SecretsComeFromFilesWithoutTheirLineEnd) {
  const std::string path = write("secret", "t0ken\r\n\n");
  const auto result = expand("Bearer ${file:" + path + "}", {}, "/");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->text, "Bearer t0ken");
  EXPECT_TRUE(result->secret);
  EXPECT_FALSE(expand("${A}", environment, "/")->secret);
}

TEST_F(EnvironmentFile, RelativePathsStartAtTheRegistry) {
  const std::filesystem::path path = write("relative", "x");
  EXPECT_EQ(expand("${file:" + path.filename().string() + "}", {}, path.parent_path())->text, "x");
}

TEST_F(EnvironmentFile, LinesLieBeneathWhatIsSet) {
  Environment all{{"A", "mine"}};
  const auto path = write("lines", "# note\n\nA=theirs\nB = no\n");
  EXPECT_FALSE(add_env_file(all, path));
  ASSERT_TRUE(add_env_file(all, write("good", "# note\n\nA=theirs\nexport B=\"x y\"\r\nC=a=b\n")));
  EXPECT_EQ(all, (Environment{{"A", "mine"}, {"B", "x y"}, {"C", "a=b"}}));
}

TEST_F(EnvironmentFile, ThatIsNoneIsRefusedAndHoldsNobodyUp) {
  const auto refused = [](const std::string& path) {
    Environment all;
    const auto added = add_env_file(all, path);
    return added ? "accepted" : added.error().reason + ": " + added.error().message;
  };
  const std::string folder = testing::TempDir();
  EXPECT_EQ(refused(folder),
            "env_file: " + folder + ": the environment file cannot be read: is not a file");
  const std::string pipe = folder + "env_" + std::to_string(::getpid()) + "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(refused(pipe),
            "env_file: " + pipe + ": the environment file cannot be read: is not a file");
  ::unlink(pipe.c_str());
  EXPECT_EQ(refused("/none"),
            "env_file: /none: the environment file cannot be read: No such file or directory");
  const auto large = write("large", std::string((1u << 20) + 1, '#'));
  EXPECT_EQ(refused(large), "env_file: " + large +
                                ": the environment file cannot be read: is longer than 1048576 "
                                "bytes");
}

TEST_F(EnvironmentFile, ABadLineIsNamedAndNotShown) {
  Environment all;
  const auto path = write("bad", "A=1\nsecret\n");
  const auto added = add_env_file(all, path);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().message, path + ":2: expected NAME=value");
  EXPECT_TRUE(all.empty());
}

}  // namespace
}  // namespace callerapi::registry
