#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "registry/registry.hpp"

namespace callerapi::registry {
namespace {

namespace fs = std::filesystem;

class RegistryFile : public testing::Test {
 protected:
  RegistryFile() {
    std::string name = "/tmp/callerapi-registry-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ / "registry.toml";
    write("");
  }
  ~RegistryFile() override { fs::remove_all(folder_); }

  void write(const std::string& caller) {
    std::ofstream(file_) << "schema = 1\n[caller]\n"
                         << caller << "[services.a]\nplugin = \"http\"\nbase_url = \"http://h\"\n";
    ::chmod(file_.c_str(), 0644);
  }
  std::string answer() const {
    const auto read = read_registry(file_, {});
    return read ? "accepted" : read.error().message;
  }

  fs::path folder_, file_;
};

TEST_F(RegistryFile, IsReadFromATrustedPlace) { EXPECT_EQ(answer(), "accepted"); }

TEST_F(RegistryFile, ThatOthersMayChangeIsRefusedWithTheCommandThatMendsIt) {
  ::chmod(file_.c_str(), 0666);
  EXPECT_EQ(answer(), "registry.toml: '" + file_.string() +
                          "' has mode 0666, so that others could change it; run: chmod " +
                          (::geteuid() == 0 ? "o-w" : "go-w") + " '" + file_.string() +
                          "', or set insecure_permissions = true under [caller]");
}

TEST_F(RegistryFile, InAFolderThatOthersMayChangeIsRefused) {
  ::chmod(folder_.c_str(), 0777);
  EXPECT_NE(answer().find("'" + folder_.string() + "' has mode 0777"), std::string::npos)
      << answer();
}

TEST_F(RegistryFile, MaySayThatItsPermissionsAreMeant) {
  write("insecure_permissions = true\n");
  ::chmod(file_.c_str(), 0666);
  EXPECT_EQ(answer(), "accepted");
}

TEST_F(RegistryFile, OfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(::chown(file_.c_str(), 12345, 0), 0);
  EXPECT_NE(answer().find("belongs to user 12345, who could change it; run: chown 0"),
            std::string::npos)
      << answer();
}

TEST_F(RegistryFile, BehindASymlinkIsJudgedWhereItLeads) {
  fs::create_directory(folder_ / "real");
  fs::rename(file_, folder_ / "real" / "x.toml");
  fs::create_symlink("real/x.toml", file_);
  EXPECT_EQ(answer(), "accepted");
  ::chmod((folder_ / "real").c_str(), 0777);
  EXPECT_NE(answer(), "accepted");
}

TEST_F(RegistryFile, RelativePathsStartWhereItsNameStands) {
  EXPECT_EQ(read_registry(file_, {}).value().plugin_dir, folder_ / "plugins");
}

TEST_F(RegistryFile, BringsItsOwnEnvironmentFileBeneathTheProcess) {
  std::ofstream(folder_ / ".env")
      << "CALLERAPI_CALLER__NAME=from-file\nCALLERAPI_CALLER__PROFILE=p\n";
  write("env_file = \".env\"\n");
  const auto registry = read_registry(file_, {{"CALLERAPI_CALLER__NAME", "from-process"}}).value();
  EXPECT_EQ(registry.caller_name, "from-process");
  EXPECT_EQ(registry.profile, "p");
}

TEST_F(RegistryFile, ThatIsNoFileIsRefused) {
  fs::remove(file_);
  EXPECT_EQ(answer(), file_.string() +
                          ": No such file or directory; name another with --registry or "
                          "CALLERAPI_REGISTRY");
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_EQ(answer(), file_.string() + ": is not a file that can be read");
}

}  // namespace
}  // namespace callerapi::registry
