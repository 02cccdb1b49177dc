#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "callerapi/client.hpp"
#include "callerapi/json_lines.hpp"
#include "etcd/etcd.hpp"
#include "support/real_server.hpp"

namespace callerapi {
namespace {

using support::RealServer;
using support::TempFolder;

/// The real etcd, alone, with an empty store; and our plugin file.
class Etcd : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.await_port(port_)); }

  static std::string url(int port) { return "http://127.0.0.1:" + std::to_string(port); }
  Client<etcd::Etcd>& store() {
    if (!caller_) {
      Options options;
      options.environment.emplace();
      caller_.emplace(
          Caller::from_toml(
              "schema = 1\n[caller]\nplugin_dir = \"" + std::string(CALLERAPI_TEST_PLUGINS) +
                  "\"\n[services.etcd]\nplugin = \"etcd\"\nbase_url = \"" + url(port_) + "\"\n",
              std::move(options))
              .value());
      store_.emplace(*caller_);
    }
    return *store_;
  }
  void put(const std::string& key, const std::string& value,
           std::optional<std::string> lease = std::nullopt) {
    const auto put = store().call<"put">(etcd::Put{.key = etcd::encode(key),
                                                   .value = etcd::encode(value),
                                                   .lease = std::move(lease),
                                                   .prev_kv = {}});
    ASSERT_TRUE(put) << put.error().message;
  }
  std::optional<std::string> value_of(const std::string& key) {
    const auto got = store().call<"range">(etcd::Range{.key = etcd::encode(key)}).value();
    return got.kvs ? etcd::decode(got.kvs->at(0).value.value_or("")) : std::nullopt;
  }

 private:
  const TempFolder folder_;
  const int port_ = support::free_port(), peer_ = support::free_port();
  RealServer server_{{"/usr/bin/etcd", "--name", "one", "--data-dir", folder_.path() + "/data",
                      "--listen-client-urls", url(port_), "--advertise-client-urls", url(port_),
                      "--listen-peer-urls", url(peer_), "--initial-advertise-peer-urls", url(peer_),
                      "--initial-cluster", "one=" + url(peer_), "--unsafe-no-fsync"},
                     folder_.path() + "/log"};
  std::optional<Caller> caller_;
  std::optional<Client<etcd::Etcd>> store_;
};

TEST_F(Etcd, WhatIsPutIsFoundByPrefixUntilItIsDeleted) {
  EXPECT_EQ(store().call<"health">().value().health, "true");
  put("/a/1", "one");
  put("/a/2", std::string("\0\xff two", 6));
  put("/b/1", "other");

  const auto found =
      store()
          .call<"range">(etcd::Range{.key = etcd::encode("/a/"),
                                     .range_end = etcd::encode(etcd::prefix_end("/a/"))})
          .value();
  ASSERT_EQ(found.kvs.value().size(), 2u);
  EXPECT_EQ(etcd::decode(found.kvs->at(0).key), "/a/1");
  EXPECT_EQ(etcd::decode(found.kvs->at(1).value.value()), std::string("\0\xff two", 6));

  const auto gone = store()
                        .call<"delete_range">(
                            etcd::DeleteRange{.key = etcd::encode("/a/"),
                                              .range_end = etcd::encode(etcd::prefix_end("/a/")),
                                              .prev_kv = {}})
                        .value();
  EXPECT_EQ(gone.deleted, "2");
  EXPECT_EQ(value_of("/a/1"), std::nullopt);
  EXPECT_EQ(value_of("/b/1"), "other");
}

TEST_F(Etcd, ATransactionTakesTheBranchItsConditionNames) {
  const std::string key = etcd::encode("/lock");
  const auto take = [&](const std::string& who) {
    etcd::Txn txn;
    txn.compare.push_back({.key = key,
                           .target = "VERSION",
                           .result = "EQUAL",
                           .version = "0",
                           .create_revision = {},
                           .mod_revision = {},
                           .value = {},
                           .lease = {}});
    txn.success.push_back(
        {.request_range = {},
         .request_put =
             etcd::Put{.key = key, .value = etcd::encode(who), .lease = {}, .prev_kv = {}},
         .request_delete_range = {}});
    txn.failure.push_back(
        {.request_range = etcd::Range{.key = key}, .request_put = {}, .request_delete_range = {}});
    return store().call<"txn">(txn).value();
  };

  EXPECT_TRUE(take("first").succeeded.value_or(false));
  const auto second = take("second");

  EXPECT_FALSE(second.succeeded.value_or(false));
  const auto& held = second.responses.value().at(0).response_range.value();
  EXPECT_EQ(etcd::decode(held.kvs.value().at(0).value.value()), "first");
}

TEST_F(Etcd, ALeaseCarriesItsKeysUntilItIsRevoked) {
  const auto lease = store().call<"lease_grant">(etcd::LeaseGrant{.ttl = 60, .id = {}}).value();
  const std::string id = lease.id.value();
  put("/instance", "here", id);

  EXPECT_EQ(store().call<"lease_keepalive">(etcd::LeaseId{id}).value().result.ttl, "60");
  EXPECT_EQ(value_of("/instance"), "here");
  EXPECT_TRUE(store().call<"lease_revoke">(etcd::LeaseId{id}));

  EXPECT_EQ(value_of("/instance"), std::nullopt);
  EXPECT_EQ(store().call<"lease_keepalive">(etcd::LeaseId{id}).value().result.ttl, std::nullopt)
      << "a lease that is gone says so with status 200 and no TTL";
}

TEST_F(Etcd, AWatchTellsEachRevisionAndGoesOnFromWhereItWas) {
  const auto watch = [&](std::optional<std::string> from) {
    return JsonLines<etcd::WatchLine>(
        store()
            .stream<"watch">(etcd::Watch{{.key = etcd::encode("/w/"),
                                          .range_end = etcd::encode(etcd::prefix_end("/w/")),
                                          .start_revision = std::move(from),
                                          .progress_notify = {},
                                          .prev_kv = {}}})
            .value());
  };
  const auto next = [](JsonLines<etcd::WatchLine>& lines) {
    return lines.next().value().value().result.value();
  };
  auto lines = watch(std::nullopt);
  EXPECT_TRUE(next(lines).created.value_or(false));
  put("/w/a", "1");
  put("/elsewhere", "2");
  ASSERT_TRUE(store().call<"delete_range">(
      etcd::DeleteRange{.key = etcd::encode("/w/a"), .range_end = {}, .prev_kv = {}}));

  const auto born = next(lines);
  EXPECT_EQ(etcd::decode(born.events.value().at(0).kv.value().value.value()), "1");
  EXPECT_EQ(born.events->at(0).type, std::nullopt);
  const auto gone = next(lines);
  EXPECT_EQ(gone.events.value().at(0).type, "DELETE");
  lines.body().cancel();

  // A second watch from the first one's revision hears of the same again.
  auto again = watch(born.events->at(0).kv->mod_revision);
  EXPECT_TRUE(next(again).created.value_or(false));
  EXPECT_EQ(etcd::decode(next(again).events.value().at(0).kv.value().key), "/w/a");
}

TEST_F(Etcd, ARefusalHasItsStatusAndWords) {
  const auto refused =
      store().call<"put">(etcd::Put{.key = "", .value = "", .lease = {}, .prev_kv = {}});

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::http_status);
  EXPECT_EQ(refused.error().status, 400);
  EXPECT_NE(refused.error().detail->body_excerpt.find("key is not provided"), std::string::npos);
}

TEST(EtcdBase64, ReadsOnlyWhatItWrites) {
  for (const char* text : {"", "f", "fo", "foo", "foob", "\xff\x01"})
    EXPECT_EQ(etcd::decode(etcd::encode(text)), text);
  EXPECT_EQ(etcd::encode("fo"), "Zm8=");
  for (const char* text : {"Zm8", "Zm9=", "Zg=", "Z===", "====", "Zg==Zg==", "Zm 8", "Zm8_"})
    EXPECT_EQ(etcd::decode(text), std::nullopt) << text;
  EXPECT_EQ(etcd::prefix_end("a\xff"), "b");
}

}  // namespace
}  // namespace callerapi
