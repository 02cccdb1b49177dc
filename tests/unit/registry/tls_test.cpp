#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "registry/registry.hpp"
#include "support/certificates.hpp"

namespace callerapi::registry {
namespace {

namespace fs = std::filesystem;

struct Pems {
  support::Certificate root = support::make_authority("root");
  support::Certificate own = support::make_certificate({}, &root);
  support::Certificate other = support::make_certificate({}, &root);
};

/// A folder with ca.pem, own.pem, own.key, other.key and some that are of no use.
class TlsKeys : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string pattern = "/tmp/callerapi-tls-keys-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    pems = new Pems;
    write("ca.pem", pems->root.pem);
    write("own.pem", pems->own.chain);
    write("own.key", pems->own.key);
    write("other.key", pems->other.key);
    write("empty.pem", "");
    write("text.pem", "hello\n");
  }
  static void TearDownTestSuite() {
    fs::remove_all(folder);
    delete pems;
  }
  static void write(const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
  }

  /// Line 2 is the service's header; what `tls` adds begins at line 6.
  static Result<Registry> parse(const std::string& tls, const Environment& environment = {},
                                const std::string& url = "https://h/",
                                const std::string& before = "", std::vector<Error>* all = nullptr) {
    return parse_registry("schema = 1\n" + before +
                              "[services.x]\nplugin = \"http\"\nbase_url = \"" + url + "\"\n" + tls,
                          "registry.toml", folder, environment, all);
  }
  static std::string message(const std::string& tls, const Environment& environment = {}) {
    const auto parsed = parse("[services.x.tls]\n" + tls, environment);
    return parsed ? "accepted" : parsed.error().reason + ": " + parsed.error().message;
  }
  static std::string in_folder(const std::string& name) { return (folder / name).string(); }

  static inline fs::path folder;
  static inline Pems* pems = nullptr;
};

TEST_F(TlsKeys, AreReadWithTheirFiles) {
  const auto registry = parse(
      "[services.x.tls]\nca_file = \"ca.pem\"\ncert_file = \"own.pem\"\nkey_file = \"own.key\"\n"
      "server_name = \"svc.test\"\nmin_version = \"1.3\"\n");
  ASSERT_TRUE(registry) << registry.error().message;
  const wire::TlsSettings& tls = registry->services.at(0).tls;
  EXPECT_EQ(tls.ca, pems->root.pem);
  EXPECT_EQ(tls.cert, pems->own.chain);
  EXPECT_EQ(tls.key, pems->own.key);
  EXPECT_EQ(tls.server_name, "svc.test");
  EXPECT_TRUE(tls.tls13_only);
  EXPECT_TRUE(tls.verify);
  EXPECT_TRUE(registry->warnings.empty());
}

TEST_F(TlsKeys, WithoutAnyTheSystemIsTrustedAndVerified) {
  const auto registry = parse("");
  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(registry->services.at(0).tls, wire::TlsSettings{});
}

TEST_F(TlsKeys, ComeFromDefaultsThenTheServiceThenTheEnvironment) {
  const std::string defaults =
      "[defaults.tls]\nca_file = \"ca.pem\"\nserver_name = \"a.test\"\n"
      "min_version = \"1.3\"\n";
  const auto registry =
      parse("[services.x.tls]\nserver_name = \"b.test\"\nmin_version = \"1.3\"\n",
            {{"CALLERAPI_SERVICES__X__TLS__MIN_VERSION", "1.2"}}, "https://h", defaults);
  ASSERT_TRUE(registry) << registry.error().message;
  const wire::TlsSettings& tls = registry->services.at(0).tls;
  EXPECT_EQ(tls.ca, pems->root.pem);
  EXPECT_EQ(tls.server_name, "b.test");
  EXPECT_FALSE(tls.tls13_only);
}

TEST_F(TlsKeys, AnotherContentOfTheSameFileIsAnotherEntry) {
  write("rotating.pem", pems->root.pem);
  const std::string tls = "[services.x.tls]\nca_file = \"rotating.pem\"\n";
  const auto before = parse(tls);
  write("rotating.pem", pems->root.pem + support::make_authority("new").pem);
  const auto after = parse(tls);
  ASSERT_TRUE(before && after);
  EXPECT_NE(before->services.at(0), after->services.at(0));
}

TEST_F(TlsKeys, SayWithFileLineAndKeyWhatIsWrong) {
  const std::string at = "registry.toml:6:";
  const std::string ca = at + "11: services.x.tls.ca_file: ";
  EXPECT_EQ(message("ca_file = \"gone.pem\"\n"),
            "ca: " + ca + in_folder("gone.pem") + ": No such file or directory");
  EXPECT_EQ(message("ca_file = \".\"\n"), "ca: " + ca + in_folder(".") + ": is not a file");
  EXPECT_EQ(message("ca_file = \"empty.pem\"\n"),
            "ca: " + ca + in_folder("empty.pem") + ": is empty; expected PEM");
  EXPECT_EQ(message("ca_file = \"text.pem\"\n"),
            "ca: " + ca + in_folder("text.pem") +
                ": holds no certificate in PEM form, or a broken one; expected BEGIN CERTIFICATE "
                "blocks");
  EXPECT_EQ(message("ca_file = \"\"\n"),
            "bad_value: " + ca + "is empty; leave the key out to get what is built in");
  EXPECT_EQ(message("cert_file = \"own.pem\"\n"),
            "missing_key: " + at + "13: services.x.tls.cert_file: needs tls.key_file beside it");
  EXPECT_EQ(message("key_file = \"other.key\"\ncert_file = \"own.pem\"\n"),
            "key: " + at + "12: services.x.tls.key_file: " + in_folder("other.key") +
                ": is not the key of the first certificate in tls.cert_file");
  EXPECT_EQ(message("verify = \"no\"\n"), "bad_value: " + at +
                                              "10: services.x.tls.verify: expected \"on\" or "
                                              "\"off\", saw \"no\"");
  EXPECT_EQ(message("verify = false\n"), "wrong_type: " + at +
                                             "10: services.x.tls.verify: expected a text such as "
                                             "\"abc\", saw true or false");
  EXPECT_EQ(message("min_version = \"1.1\"\n"),
            "bad_value: " + at +
                "15: services.x.tls.min_version: expected \"1.2\" or \"1.3\", saw "
                "\"1.1\"");
  EXPECT_EQ(message("server_name = \".test\"\n"),
            "server_name: " + at +
                "15: services.x.tls.server_name: begins with a dot, or is empty; expected one full "
                "name such as billing.svc.example, or an IP address");
  EXPECT_EQ(message("cafile = \"x\"\n"), "unknown_key: " + at +
                                             "1: services.x.tls.cafile: unknown key; did you mean "
                                             "'ca_file'?");
  EXPECT_EQ(message("", {{"CALLERAPI_SERVICES__X__TLS__CA_FILE", "gone.pem"}}),
            "ca: environment CALLERAPI_SERVICES__X__TLS__CA_FILE: services.x.tls.ca_file: " +
                in_folder("gone.pem") + ": No such file or directory");
  EXPECT_EQ(message("", {{"CALLERAPI_SERVICES__X__TLS__CA", "ca.pem"}}),
            "unknown_key: environment CALLERAPI_SERVICES__X__TLS__CA: services.x.tls.ca: unknown "
            "key");
}

TEST_F(TlsKeys, OfAServiceThatIsNotRequiredLeaveItOutWhenTheirFileIsMissing) {
  const auto optional = [](const std::string& tls) {
    return parse("required = false\n[services.x.tls]\n" + tls, {}, "https://h/",
                 "allow_empty = true\n");
  };
  for (const char* tls :
       {"ca_file = \"gone.pem\"\n", "cert_file = \"gone.pem\"\nkey_file = \"own.key\"\n",
        "cert_file = \"own.pem\"\nkey_file = \"gone.key\"\n"}) {
    const auto registry = optional(tls);
    ASSERT_TRUE(registry) << registry.error().message;
    EXPECT_EQ(registry->skipped.size(), 1u) << tls;
  }
  const auto broken = optional("ca_file = \"text.pem\"\n");
  ASSERT_FALSE(broken) << "a file that is there and wrong will not come by itself";
  EXPECT_EQ(broken.error().reason, "ca");
}

TEST_F(TlsKeys, VerifyOffWarns) {
  const auto registry = parse("[services.x.tls]\nverify = \"off\"\n");
  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(registry->warnings,
            std::vector<std::string>{"registry.toml:6:10: services.x.tls.verify: certificates are "
                                     "not checked; whoever answers is taken for the service"});
}

TEST_F(TlsKeys, BesidePlainHttpTheyWarnAndReadNothing) {
  const auto registry = parse("[services.x.tls]\nca_file = \"gone.pem\"\n", {}, "http://h");
  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(registry->warnings,
            std::vector<std::string>{"services.x.tls: has no effect, for base_url is not https"});
}

}  // namespace
}  // namespace callerapi::registry
