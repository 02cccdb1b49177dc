#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "unit/wire/tls_peer.hpp"
#include "wire/reactor.hpp"
#include "wire/tls_stream.hpp"

namespace callerapi::wire {
namespace {

class TlsStreamTest : public testing::TestWithParam<int> {};
std::string version_name(const testing::TestParamInfo<int>& version) {
  return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}
INSTANTIATE_TEST_SUITE_P(, TlsStreamTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

TEST_P(TlsStreamTest, BytesGoThroughASocketThatIsFullAgainAndAgain) {
  Peer peer(GetParam());
  Connected c(peer);
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += std::to_string(i);
  const std::string head = "POST / HTTP/1.1\r\n\r\n";
  std::string sent = head + body, received;
  std::size_t at = 0;
  c.pipe.room = 0;
  while (at < sent.size()) {
    const std::size_t head_at = std::min(at, head.size()), body_at = at - head_at;
    const iovec pieces[] = {{const_cast<char*>(head.data() + head_at), head.size() - head_at},
                            {const_cast<char*>(body.data() + body_at), body.size() - body_at}};
    const int skip = head_at == head.size() ? 1 : 0;
    const IoResult moved = c.client.write(pieces + skip, 2 - skip);
    if (moved.error == 0) {
      at += moved.bytes;
      continue;
    }
    ASSERT_EQ(moved.error, EAGAIN);
    EXPECT_TRUE(c.client.wants_write(true));
    c.pipe.room = 5000;
    peer.take(c.pipe);
    received += peer.read_all();
  }
  peer.take(c.pipe);
  received += peer.read_all();

  EXPECT_EQ(received, sent);
}

TEST_P(TlsStreamTest, TicketsThatArriveWhileIdleLeaveItQuiet) {
  Peer peer(GetParam());
  Connected c(peer);
  EXPECT_EQ(c.pipe.to_client.empty(), GetParam() == TLS1_2_VERSION);

  EXPECT_TRUE(c.client.quiet());
  EXPECT_TRUE(c.pipe.to_client.empty());

  const iovec ping{const_cast<char*>("ping"), 4};
  EXPECT_EQ(c.client.write(&ping, 1).bytes, 4u);
  peer.take(c.pipe);
  EXPECT_EQ(peer.read_all(), "ping");
  peer.say(c.pipe, "pong");
  EXPECT_EQ(c.read(), "pong");
}

TEST_P(TlsStreamTest, BytesNobodyAskedForAreNotQuiet) {
  Peer peer(GetParam());
  Connected c(peer);
  peer.say(c.pipe, "HTTP/1.1 408 Request Timeout\r\n\r\n");
  EXPECT_FALSE(c.client.quiet());
  EXPECT_FALSE(c.client.quiet());
}

/// What OpenSSL takes for as long as it comes, without a word to us.
void tickets(Peer& peer, Pipe& pipe, std::size_t bytes) {
  while (pipe.to_client.size() < bytes) {
    SSL_new_session_ticket(peer.ssl);
    SSL_do_handshake(peer.ssl);
    peer.give(pipe);
  }
}

TEST(TlsStream, APeerThatSendsTicketsWithoutEndIsGivenUp) {
  Peer peer;
  Connected c(peer);
  tickets(peer, c.pipe, 512u << 10);
  peer.say(c.pipe, "and then an answer");

  EXPECT_EQ(c.read(), "");
  EXPECT_EQ(c.error, EPROTO);
  EXPECT_GT(c.pipe.to_client.size(), 256u << 10) << "it took them all";
  ASSERT_NE(c.client.fault(), nullptr);
  EXPECT_EQ(c.client.fault()->reason, "flood");
  EXPECT_EQ(c.client.fault()->text.find("svc.test:443: the server sent 1"), 0u);
  EXPECT_NE(c.client.fault()->text.find(" KiB of TLS's own messages and no data; a service sends a "
                                        "few KiB of them"),
            std::string::npos)
      << c.client.fault()->text;
}

TEST(TlsStream, TicketsWithoutEndAreNotQuiet) {
  Peer peer;
  Connected c(peer);
  tickets(peer, c.pipe, 512u << 10);
  EXPECT_FALSE(c.client.quiet());
  EXPECT_GT(c.pipe.to_client.size(), 256u << 10) << "it took them all";
}

TEST(TlsStream, TicketsBetweenBytesOfDataAreNoFlood) {
  Peer peer;
  Connected c(peer);
  for (int i = 0; i < 6; ++i) {
    tickets(peer, c.pipe, 64u << 10);
    peer.say(c.pipe, "data");
    EXPECT_EQ(c.read(), "data");
  }
}

TEST(TlsStream, APeerThatSendsHelloRequestsWithoutEndIsGivenUp) {
  const std::string one("\x16\x03\x03\x10\0", 5);
  Pipe pipe;
  TlsStream client(context(), std::make_unique<PipeStream>(pipe));
  while (pipe.to_client.size() < 1u << 20) pipe.to_client += one + std::string(4096, '\0');

  EXPECT_EQ(client.handshake(), TlsStream::Handshake::failed);
  EXPECT_GT(pipe.to_client.size(), 512u << 10) << "it took them all";
  const Error error = client.take_error();
  EXPECT_EQ(error.outcome, Outcome::tls_error);
  EXPECT_EQ(error.reason, "flood");
  EXPECT_NE(error.message.find(" KiB of TLS's own messages and no data"), std::string::npos)
      << error.message;
}

TEST_P(TlsStreamTest, AShortReadHasTakenAllUnlessARecordIsLeft) {
  Peer peer(GetParam());
  Connected c(peer);
  for (const char* text : {"one", "two"}) peer.say(c.pipe, text);
  EXPECT_TRUE(c.read() == "one" && !c.client.short_read_drains());
  EXPECT_TRUE(c.read() == "two" && c.client.short_read_drains());
}

TEST_P(TlsStreamTest, AGoodbyeIsNotQuiet) {
  Peer peer(GetParam());
  Connected c(peer);
  SSL_shutdown(peer.ssl);
  peer.give(c.pipe);
  EXPECT_FALSE(c.client.quiet());
}

TEST_P(TlsStreamTest, AnEndIsCleanOnlyWithCloseNotify) {
  for (const bool notify : {true, false}) {
    Peer peer(GetParam());
    Connected c(peer);
    peer.say(c.pipe, "last words");
    if (notify) SSL_shutdown(peer.ssl);
    peer.give(c.pipe);
    c.pipe.ended = true;

    EXPECT_EQ(c.read(), "last words");
    EXPECT_EQ(c.read(), "");
    EXPECT_EQ(c.error, notify ? 0 : ECONNABORTED);
    EXPECT_EQ(c.client.fault(), nullptr);
  }
}

TEST_P(TlsStreamTest, WhatTheHostLeftInTheErrorQueueIsNotOurs) {
  Peer peer(GetParam());
  Connected c(peer);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  EXPECT_EQ(c.read(), "");
  EXPECT_EQ(c.error, EAGAIN);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  EXPECT_TRUE(c.client.quiet());
}

TEST_P(TlsStreamTest, AForgedRecordIsAFaultAndTheEndOfTheConnection) {
  Peer peer(GetParam());
  Connected c(peer);
  ASSERT_TRUE(c.client.quiet());
  peer.say(c.pipe, "hello");
  c.pipe.to_client.back() = static_cast<char>(c.pipe.to_client.back() ^ 1);

  EXPECT_EQ(c.read(), "");
  EXPECT_EQ(c.error, EPROTO);
  ASSERT_NE(c.client.fault(), nullptr);
  EXPECT_EQ(c.client.fault()->reason, "record");
  EXPECT_EQ(c.client.fault()->text, "svc.test:443: decryption failed or bad record mac");
  EXPECT_FALSE(c.client.quiet());
  const iovec ping{const_cast<char*>("ping"), 4};
  EXPECT_EQ(c.client.write(&ping, 1).error, EPROTO);
}

TEST_P(TlsStreamTest, ASecondConnectionResumesTheSessionOfTheFirst) {
  Peer peer(GetParam());
  const auto shared = context();
  {
    Connected first(peer, shared);
    EXPECT_FALSE(first.client.resumed());
    EXPECT_TRUE(first.client.quiet());
  }
  peer.next_connection();
  Connected second(peer, shared);
  EXPECT_TRUE(second.client.resumed());
  EXPECT_EQ(SSL_session_reused(peer.ssl), 1);
}

TEST(TlsStream, ATicketOfTls13IsUsedOnce) {
  Peer peer;
  const auto shared = context();
  { EXPECT_TRUE(Connected(peer, shared).client.quiet()); }
  int resumed = 0;
  for (int i = 0; i < 3; ++i) {
    peer.next_connection();
    resumed += Connected(peer, shared).client.resumed() ? 1 : 0;
  }
  // A full handshake brings two tickets, and nobody read those of the resumed ones.
  EXPECT_EQ(resumed, 2);
}

TEST(TlsStream, ANewKeyAskedForWhileTheSocketIsFullCostsNothing) {
  Peer peer;
  Connected c(peer);
  ASSERT_TRUE(c.client.quiet());
  SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED);
  peer.say(c.pipe, "under a new key");
  c.pipe.room = 0;
  EXPECT_EQ(c.read(), "under a new key");
  EXPECT_EQ(c.read(), "");
  EXPECT_FALSE(c.client.wants_write(false));

  const iovec ping{const_cast<char*>("ping"), 4};
  EXPECT_EQ(c.client.write(&ping, 1).error, EAGAIN);
  EXPECT_TRUE(c.client.wants_write(true));
  c.pipe.room = 1u << 20;
  EXPECT_EQ(c.client.write(&ping, 1).bytes, 4u);
  peer.take(c.pipe);
  EXPECT_EQ(peer.read_all(), "ping");
}

TEST(TlsStream, RenegotiationIsRefused) {
  Peer peer(TLS1_2_VERSION);
  Connected c(peer);
  SSL_renegotiate(peer.ssl);
  SSL_do_handshake(peer.ssl);
  peer.give(c.pipe);

  EXPECT_EQ(c.read(), "");
  EXPECT_EQ(c.error, EAGAIN);
  peer.take(c.pipe);
  ERR_clear_error();
  EXPECT_EQ(peer.read_all(), "");
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
  ERR_clear_error();
}

TEST(TlsStream, TakesThePlaceOfTheStreamBelowInItsLoop) {
  Pipe pipe;
  auto below = std::make_unique<PipeStream>(pipe);
  LoopSlot slot(7);
  below->loop_slot = &slot;
  const TlsStream client(context(), std::move(below));
  EXPECT_EQ(client.loop_slot, &slot);
}

struct BadSettings {
  std::string name;
  TlsSettings settings;
  std::string reason, message;
};

TEST(TlsContext, RefusesWhatCannotBeUsedAndSaysWhich) {
  const Identity& ours = Identity::get();
  const support::Certificate other = support::make_certificate({}, &ours.root);
  support::CertificateSpec weak_spec;
  weak_spec.rsa_bits = 1024;
  const support::Certificate weak = support::make_certificate(weak_spec, &ours.root);
  const auto with = [](std::string ca, std::string cert, std::string key, std::string name = "h") {
    TlsSettings settings;
    settings.ca = std::move(ca);
    settings.cert = std::move(cert);
    settings.key = std::move(key);
    settings.server_name = std::move(name);
    return settings;
  };
  const std::string no_ca =
      "holds no certificate in PEM form, or a broken one; expected BEGIN CERTIFICATE blocks";
  const std::string odd_name =
      " bytes, or a space, control or non-ASCII byte; expected one full name of at most 255 bytes "
      "such as "
      "billing.svc.example, or an IP address";
  const BadSettings all[] = {
      {"no PEM", with("hello", "", ""), "ca", no_ca},
      {"a key instead", with(ours.root.key, "", ""), "ca", no_ca},
      {"cut short", with(ours.root.pem + ours.root.pem.substr(0, 200), "", ""), "ca", no_ca},
      {"broken", with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", ""),
       "ca", no_ca},
      {"no certificate", with("", "hello", ours.server.key), "certificate",
       no_ca + ", our own first"},
      {"no key", with("", ours.server.pem, "hello"), "key",
       "holds no private key in PEM form that can be read without a pass phrase"},
      {"another's key", with("", ours.server.pem, other.key), "key",
       "is not the key of the first certificate in tls.cert_file"},
      {"weak", with("", weak.pem, weak.key), "certificate",
       "is too weak, or of a kind that TLS cannot use"},
      {"any name below", with("", "", "", ".svc.test"), "server_name",
       "begins with a dot, or is empty; expected one full name such as billing.svc.example, or an "
       "IP address"},
      {"long", with("", "", "", std::string(256, 'x')), "server_name", "has 256" + odd_name},
      {"spaced", with("", "", "", "svc test"), "server_name", "has 8" + odd_name},
      {"with NUL", with("", "", "", std::string("svc\0test", 8)), "server_name",
       "has 8" + odd_name}};
  for (const BadSettings& bad : all) {
    const auto made = TlsContext::make(bad.settings, "h", 443);
    ASSERT_FALSE(made) << bad.name;
    EXPECT_EQ(made.error().outcome, Outcome::registry_invalid) << bad.name;
    EXPECT_EQ(made.error().reason, bad.reason) << bad.name;
    EXPECT_EQ(made.error().message, bad.message) << bad.name;
    EXPECT_EQ(ERR_peek_error(), 0u) << bad.name;
  }
}

}  // namespace
}  // namespace callerapi::wire
