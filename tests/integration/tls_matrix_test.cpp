// Who is let in: one row for each way a server can be wrong, and the right ones beside them.
#include <functional>
#include <ostream>
#include <vector>

#include "integration/tls_fixture.hpp"

namespace callerapi {
namespace {

using support::Certificate;
using support::CertificateSpec;
using support::make_authority;
using support::make_certificate;
using support::TlsBehaviour;
using support::TlsServer;
using Mode = TlsBehaviour::Mode;

struct Row {
  std::string name;
  std::function<TlsBehaviour()> server;
  std::string outcome;  ///< "ok", or the outcome and reason: "tls_error/version".
  std::string says;     ///< Part of the error's message.
  std::string tls = "ca_file = \"ca.pem\"\nserver_name = \"svc.test\"\n";
  std::string more = {};
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

std::function<TlsBehaviour()> with(const CertificateSpec& spec,
                                   const Certificate* issuer = &Pki::get().root) {
  return [spec, issuer] {
    TlsBehaviour behaviour;
    behaviour.identity = make_certificate(spec, issuer);
    behaviour.weak = true;
    return behaviour;
  };
}

std::function<TlsBehaviour()> behaving(const std::function<void(TlsBehaviour&)>& change) {
  return [change] {
    TlsBehaviour behaviour;
    behaviour.identity = Pki::get().good;
    change(behaviour);
    return behaviour;
  };
}

std::function<TlsBehaviour()> with_curve_over_tls12(const char* curve) {
  return [curve] {
    CertificateSpec spec;
    spec.curve = curve;
    TlsBehaviour behaviour;
    behaviour.identity = make_certificate(spec, &Pki::get().root);
    behaviour.max_version = TLS1_2_VERSION;
    return behaviour;
  };
}

/// A certificate two steps below the root; `sends_all`: as it should be.
std::function<TlsBehaviour()> below_intermediate(bool sends_all, bool is_authority = true) {
  return [=] {
    CertificateSpec middle{.common_name = "the middle", .names = {}};
    middle.authority = is_authority;
    const Certificate intermediate = make_certificate(middle, &Pki::get().root);
    TlsBehaviour behaviour;
    behaviour.identity = make_certificate({}, &intermediate);
    if (!sends_all) behaviour.identity.chain = behaviour.identity.pem;
    return behaviour;
  };
}

const std::string root_only = "ca_file = \"ca.pem\"\n";
const std::string svc = root_only + "server_name = \"svc.test\"\n";
std::string named(const std::string& name) {
  return root_only + "server_name = \"" + name + "\"\n";
}

std::vector<Row> rows_of_names() {
  const std::string refused = "tls_verify_failed/";
  return {
      {"Good", with({}), "ok", ""},
      {"SecondName", with({.names = {"a.test", "svc.test"}}), "ok", ""},
      {"NameInOtherCase", with({.names = {"SVC.Test"}}), "ok", ""},
      {"NameWithFinalDot", with({}), "ok", "", named("svc.test.")},
      {"Wildcard", with({.names = {"*.svc.test"}}), "ok", "", named("a.svc.test")},
      {"WildcardTooDeep", with({.names = {"*.svc.test"}}), refused + "wrong_host",
       "the certificate is for *.svc.test; wanted is b.a.svc.test", named("b.a.svc.test")},
      {"WildcardForTheParent", with({.names = {"*.svc.test"}}), refused + "wrong_host", "", svc},
      {"WildcardForATopDomain", with({.names = {"*.test"}}), refused + "wrong_host", "", svc},
      {"WildcardAlone", with({.names = {"*"}}), refused + "wrong_host", "", svc},
      {"PartialWildcard", with({.names = {"s*.svc.test"}}), refused + "wrong_host", "",
       named("sa.svc.test")},
      {"WrongHost", with({.names = {"other.test"}}), refused + "wrong_host",
       "the certificate is for other.test; wanted is svc.test"},
      {"PrefixHost", with({.names = {"svc.test.evil.test"}}), refused + "wrong_host", ""},
      {"SuffixHost", with({.names = {"test"}}), refused + "wrong_host", ""},
  };
}

std::vector<Row> rows_of_trust() {
  const std::string refused = "tls_verify_failed/";
  return {
      {"Expired", with({.begins_s = -7200, .ends_s = -3600}), refused + "expired",
       "the certificate of a test server expired on "},
      {"NotYetValid", with({.begins_s = 3600}), refused + "not_yet_valid",
       "the certificate of a test server is not valid before "},
      {"SelfSigned", with({}, nullptr), refused + "self_signed",
       "the certificate of a test server is signed by itself and is not in tls.ca_file"},
      {"UnknownAuthority", with({}, &Pki::get().other_root), refused + "untrusted",
       "the certificate of a test server, issued by another root: unable to get local issuer "
       "certificate; trusted is what tls.ca_file holds"},
      {"NotInTheSystemStore", with({}), refused + "untrusted", "trusted is what the system's store",
       "server_name = \"svc.test\"\n"},
      {"Intermediate", below_intermediate(true), "ok", ""},
      {"MissingIntermediate", below_intermediate(false), refused + "untrusted", "the middle"},
      {"IntermediateThatIsNoAuthority", below_intermediate(true, false), refused + "bad_usage", ""},
      {"CommonNameOnly", with({.common_name = "svc.test", .names = {}}), refused + "wrong_host",
       "no name at all (CN svc.test does not count; it needs a subjectAltName)"},
      {"CommonNameBesideAnother", with({.common_name = "svc.test", .names = {"other.test"}}),
       refused + "wrong_host", ""},
      {"Address", with({.names = {}, .addresses = {"127.0.0.1"}}), "ok", "", root_only},
      {"WrongAddress", with({.names = {}, .addresses = {"127.0.0.2"}}), refused + "wrong_host",
       "the certificate is for address 127.0.0.2; wanted is 127.0.0.1", root_only},
      {"AddressAsName", with({.names = {"127.0.0.1"}}), refused + "wrong_host", "", root_only},
      {"AddressAsCommonName", with({.common_name = "127.0.0.1", .names = {}}),
       refused + "wrong_host", "", root_only},
      {"AddressForAName", with({.names = {}, .addresses = {"127.0.0.1"}}), refused + "wrong_host",
       "", svc},
      {"UsageOfAClient", with({.extended_usage = "clientAuth"}), refused + "bad_usage", ""},
      {"NoUsageNamed", with({.extended_usage = ""}), "ok", ""},
      {"RsaOf1024Bits", with({.rsa_bits = 1024}), refused + "weak_key", ""},
      {"RsaOf2048Bits", with({.rsa_bits = 2048}), "ok", ""},
      {"SignedWithSha1", with({.sha1 = true}), refused + "weak_signature", ""},
      {"VerifyOff", with({.names = {"other.test"}, .begins_s = -7200, .ends_s = -3600}, nullptr),
       "ok", "", "verify = \"off\"\n"},
  };
}

std::vector<Row> rows_of_protocol() {
  return {
      {"OnlyTls13", behaving([](auto& b) { b.min_version = TLS1_3_VERSION; }), "ok", ""},
      {"OnlyTls12", behaving([](auto& b) { b.max_version = TLS1_2_VERSION; }), "ok", ""},
      {"CurveP384OverTls12", with_curve_over_tls12("P-384"), "ok", ""},
      {"CurveP521OverTls12", with_curve_over_tls12("P-521"), "ok", ""},
      {"OnlyP384", behaving([](auto& b) { b.groups = "P-384"; }), "ok", ""},
      {"OnlyP384OverTls12", behaving([](auto& b) {
         b.groups = "P-384";
         b.max_version = TLS1_2_VERSION;
       }),
       "ok", ""},
      {"OnlyTls11", behaving([](auto& b) {
         b.max_version = TLS1_1_VERSION;
         b.weak = true;
       }),
       "tls_error/version", ""},
      {"Tls12BelowTheMinimum", behaving([](auto& b) { b.max_version = TLS1_2_VERSION; }),
       "tls_error/version", "", svc + "min_version = \"1.3\"\n"},
      {"NoCommonCipher", behaving([](auto& b) {
         b.max_version = TLS1_2_VERSION;
         b.ciphers = "AECDH-AES128-SHA";
         b.weak = true;
       }),
       "tls_error/alert_40", "the server sent the alert 'handshake failure' (40)"},
      {"PlainHttp", behaving([](auto& b) { b.mode = Mode::plain; }), "tls_error/not_tls",
       "the server does not speak TLS: its answer begins with \"HTTP/"},
      {"Garbage", behaving([](auto& b) { b.mode = Mode::garbage; }), "tls_error/handshake", ""},
      {"Silent", behaving([](auto& b) { b.mode = Mode::silent; }), "tls_error/timeout",
       "svc.test:PORT: no TLS handshake within timeouts.tls = 150 ms", svc,
       "timeouts.tls = \"150ms\"\n"},
      {"Closing", behaving([](auto& b) { b.mode = Mode::closing; }), "tls_error/eof",
       "the server closed the connection in the middle of the TLS handshake"},
      {"OtherProtocolChosen", behaving([](auto& b) { b.protocol = "h2"; }), "tls_error/alpn",
       "the server chose another protocol than http/1.1, the only one offered"},
      {"OurProtocolChosen", behaving([](auto& b) { b.protocol = "http/1.1"; }), "ok", ""},
  };
}

std::vector<Row> rows() {
  std::vector<Row> all = rows_of_names();
  for (const auto& more : {rows_of_trust(), rows_of_protocol()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

template <class Of>
std::string name_of(const ::testing::TestParamInfo<Of>& row) {
  return row.param.name;
}

class TlsMatrix : public TlsTest, public ::testing::WithParamInterface<Row> {
 protected:
  static std::string outcome_of(const Result<Response>& result) {
    if (result) return "ok";
    return std::string(name(result.error().outcome)) + "/" + result.error().reason;
  }
};

TEST_P(TlsMatrix, LetsInWhomItShouldAndSendsNobodyElseAByte) {
  const Row& row = GetParam();
  TlsServer server(row.server(), echo);
  TlsServer canary(good(), echo);
  Caller caller = open(service("echo", server.url(), row.tls, row.more) +
                       service("canary", canary.url(), trusting));

  const auto result = get(caller, "echo", "secret");

  EXPECT_EQ(outcome_of(result), row.outcome) << (result ? "" : result.error().message);
  if (result) {
    EXPECT_EQ(result->body, "GET /echo/secret ");
    EXPECT_GT(server.application_bytes(), 0u);
  } else {
    std::string says = row.says;
    if (const auto at = says.find("PORT"); at != std::string::npos)
      says.replace(at, 4, std::to_string(server.port()));
    EXPECT_EQ(server.application_bytes(), 0u);
    EXPECT_EQ(result.error().sent, Sent::no);
    EXPECT_EQ(result.error().phase, Phase::tls);
    EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
  }
  const auto after = get(caller, "canary", row.name);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->body, "GET /echo/" + row.name + " ");
}

INSTANTIATE_TEST_SUITE_P(, TlsMatrix, ::testing::ValuesIn(rows()), name_of<Row>);

using TlsInstance = TlsTest;

TEST_F(TlsInstance, ShowsTheCertificateOfTheService) {
  TlsServer server(good(), echo);
  const std::string instances =
      "instances = [\"https://127.0.0.1:" + std::to_string(server.port()) + "\"]\n";
  const std::string ca = "ca_file = \"ca.pem\"\n";
  Caller caller = open(service("echo", "https://svc.test", ca, instances) +
                       service("other", "https://other.test", ca, instances));
  const auto response = get(caller, "echo");
  EXPECT_TRUE(response) << response.error().message;
  const auto refused = get(caller, "other");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::tls_verify_failed);
}

/// Certificates of ours: {version, what we show, does the server insist, expected}.
struct ClientRow {
  std::string name;
  int version;
  std::string shown;
  bool required;
  std::string outcome;
};
void PrintTo(const ClientRow& row, std::ostream* out) { *out << row.name; }

class ClientCertificate : public TlsTest, public ::testing::WithParamInterface<ClientRow> {};

TEST_P(ClientCertificate, IsShownWhereTheServerAsksForIt) {
  const ClientRow& row = GetParam();
  const Pki& pki = Pki::get();
  TlsBehaviour behaviour = good();
  behaviour.client_authority = pki.root.pem;
  behaviour.client_required = row.required;
  behaviour.min_version = behaviour.max_version = row.version;
  TlsServer server(behaviour, echo);
  write("own.pem", row.shown == "wrong" ? pki.foreign_client.chain : pki.client.chain);
  write("own.key", row.shown == "wrong" ? pki.foreign_client.key : pki.client.key);
  const std::string own =
      row.shown == "none" ? "" : "cert_file = \"own.pem\"\nkey_file = \"own.key\"\n";
  Caller caller = open(service("echo", server.url(), trusting + own));

  const auto result = get(caller, "echo");

  if (row.outcome == "ok") {
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(server.client_name(), row.shown == "none" ? "" : "invoice-worker");
    return;
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::tls_error) << result.error().message;
  EXPECT_EQ(result.error().reason, row.outcome) << result.error().message;
  EXPECT_EQ(server.application_bytes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    , ClientCertificate,
    ::testing::Values(ClientRow{"Given12", TLS1_2_VERSION, "right", true, "ok"},
                      ClientRow{"Given13", TLS1_3_VERSION, "right", true, "ok"},
                      ClientRow{"Wished12", TLS1_2_VERSION, "none", false, "ok"},
                      ClientRow{"Wished13", TLS1_3_VERSION, "none", false, "ok"},
                      ClientRow{"Missing12", TLS1_2_VERSION, "none", true, "client_cert_required"},
                      ClientRow{"Missing13", TLS1_3_VERSION, "none", true, "client_cert_required"},
                      ClientRow{"Wrong12", TLS1_2_VERSION, "wrong", true, "alert_48"},
                      ClientRow{"Wrong13", TLS1_3_VERSION, "wrong", true, "alert_48"}),
    name_of<ClientRow>);

}  // namespace
}  // namespace callerapi
