#include "policy/discovery.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/posted_sites.hpp"
#include "policy/recorded_sites.hpp"

namespace callerapi::policy {
namespace {

Error dns_error() { return {Outcome::dns_error, "temporary", "svc.test: the server failed"}; }

/// Answers what the test says, when it says so, and remembers the cursors it was asked with.
class ToldSource final : public SiteSource {
 public:
  std::vector<Site> first() const override { return {{"svc.test", 80}}; }
  void ask(std::uint64_t cursor, Answered done) override {
    cursors.push_back(cursor);
    waiting.push_back(std::move(done));
  }
  void answer(Result<SitesChange> change) {
    const auto done = std::move(waiting.front());
    waiting.pop_front();
    done(std::move(change));
  }
  std::vector<std::uint64_t> cursors;
  std::deque<Answered> waiting;
};

class Follow : public ::testing::Test {
 protected:
  Follow() {
    auto source = std::make_unique<ToldSource>();
    source_ = source.get();
    discovery_ = std::make_shared<Discovery>(std::move(source));
  }
  /// What is told of that answer.
  Discovery::Told hear(Result<SitesChange> change) {
    Discovery::Told told;
    discovery_->look(now_, [&](const Discovery::Told& t) { told = t; });
    source_->answer(std::move(change));
    return told;
  }
  std::string hosts() const {
    std::string text;
    for (const Site& site : discovery_->sites()) text += site.host + " ";
    return text;
  }
  TimePoint now_{};
  ToldSource* source_;
  std::shared_ptr<Discovery> discovery_;
};

TEST_F(Follow, ADeltaIsAppliedToWhatIsKnownAndTheCursorGoesOn) {
  EXPECT_EQ(hosts(), "svc.test ");
  EXPECT_TRUE(hear(SitesChange{.cursor = 7, .all = {{{"a", 80}, {"b", 80}}}}).changed);
  EXPECT_TRUE(
      hear(SitesChange{.cursor = 8, .all = {}, .added = {{"c", 80}}, .removed = {{"a", 80}}})
          .changed);
  EXPECT_EQ(hosts(), "b c ");
  EXPECT_FALSE(hear(SitesChange{.cursor = 8}).changed);
  EXPECT_EQ(source_->cursors, (std::vector<std::uint64_t>{0, 7, 8}));
}

TEST_F(Follow, AnotherWeightIsAChange) {
  hear(SitesChange{.cursor = 1, .all = {{{"a", 80, 1}}}});
  EXPECT_TRUE(hear(SitesChange{.cursor = 2, .all = {{{"a", 80, 2}}}}).changed);
}

TEST_F(Follow, AFailureIsToldOnceKeepsTheSetAndAsksForAllNextTime) {
  hear(SitesChange{.cursor = 7, .all = {{{"a", 80}}}});
  auto told = hear(dns_error());
  EXPECT_TRUE(told.failing);
  EXPECT_FALSE(told.changed);
  EXPECT_EQ(hosts(), "a ");
  EXPECT_FALSE(hear(dns_error()).failing) << "not again";
  EXPECT_EQ(discovery_->failing()->message, "svc.test: the server failed");
  told = hear(SitesChange{.cursor = 9, .all = {{{"a", 80}}}});
  EXPECT_TRUE(told.recovered);
  EXPECT_FALSE(told.changed);
  EXPECT_FALSE(discovery_->failing());
  EXPECT_EQ(source_->cursors, (std::vector<std::uint64_t>{0, 7, 0, 0}));
}

TEST_F(Follow, AnEmptyAnswerIsAFailure) {
  hear(SitesChange{.cursor = 7, .all = {{{"a", 80}}}});
  const auto told = hear(SitesChange{.cursor = 8, .all = {}, .added = {}, .removed = {{"a", 80}}});
  ASSERT_TRUE(told.failing);
  EXPECT_EQ(told.failing->message, "the answer names no instance");
  EXPECT_EQ(hosts(), "a ");
}

TEST_F(Follow, HowOldTheLastGoodAnswerIsIsKnownWhileTheSourceFails) {
  const auto at = [&](int second) { return now_ = TimePoint() + std::chrono::seconds(second); };
  at(1);
  hear(dns_error());
  EXPECT_EQ(discovery_->stale(at(4)), std::chrono::seconds(3)) << "none yet: since it was asked";
  hear(SitesChange{.cursor = 7, .all = {{{"a", 80}}}});
  EXPECT_EQ(discovery_->stale(at(9)), Duration::zero()) << "it does not fail";
  hear(dns_error());
  EXPECT_EQ(discovery_->stale(at(12)), std::chrono::seconds(8)) << "good at 4";
  hear(SitesChange{.cursor = 8, .all = {{{"a", 80}}}});
  EXPECT_EQ(discovery_->stale(at(20)), Duration::zero());
}

TEST_F(Follow, OneQuestionIsOpenAtATime) {
  discovery_->look(now_, [](const auto&) {});
  discovery_->look(now_, [](const auto&) {});
  EXPECT_EQ(source_->cursors.size(), 1u);
}

TEST_F(Follow, AnAnswerAfterTheEndIsNobodysBusiness) {
  discovery_->look(now_, [](const auto&) { FAIL(); });
  auto answered = std::move(source_->waiting.front());
  discovery_.reset();
  answered(SitesChange{.cursor = 1, .all = {{{"a", 80}}}});
}

TEST(ListedSites, AreToldOnce) {
  ListedSites source({{"a", 80, 2}});
  source.ask(0, [](auto change) { EXPECT_EQ(change->all, (std::vector<Site>{{"a", 80, 2}})); });
  source.ask(1, [](auto change) {
    EXPECT_FALSE(change->all);
    EXPECT_EQ(change->cursor, 1u);
  });
}

TEST(NamedSites, AnswerWhatHasChangedToWhomeverFollows) {
  std::vector<wire::Address> addresses = {{"127.0.0.2", 80}, {"127.0.0.1", 80}};
  NamedSites source("svc.test", 80, [&](wire::Loop::Resolved done) { done(addresses); });
  EXPECT_EQ(source.first(), (std::vector<Site>{{"svc.test", 80}}));
  std::uint64_t cursor = 0;
  source.ask(cursor, [&](auto change) {
    EXPECT_EQ(change->all, (std::vector<Site>{{"127.0.0.1", 80}, {"127.0.0.2", 80}}));
    cursor = change->cursor;
  });
  std::swap(addresses[0], addresses[1]);
  source.ask(cursor, [&](auto change) {
    EXPECT_FALSE(change->all);
    EXPECT_TRUE(change->added.empty() && change->removed.empty()) << "the order is none";
    EXPECT_EQ(change->cursor, cursor);
  });
  addresses = {{"127.0.0.2", 80}, {"::1", 80}};
  source.ask(cursor, [&](auto change) {
    EXPECT_EQ(change->added, (std::vector<Site>{{"::1", 80}}));
    EXPECT_EQ(change->removed, (std::vector<Site>{{"127.0.0.1", 80}}));
    EXPECT_GT(change->cursor, cursor);
  });
  source.ask(cursor, [&](auto change) { EXPECT_TRUE(change->all) << "an old cursor: all"; });
}

TEST(PostedSites, AnswerWithWhatWasLeftLast) {
  const auto post = std::make_shared<SitesPost>();
  PostedSites source(post, {{"base", 80}});
  EXPECT_EQ(source.first(), (std::vector<Site>{{"base", 80}}));
  std::uint64_t cursor = 0;
  const auto ask = [&] {
    Result<SitesChange> answer = SitesChange();
    source.ask(cursor, [&](auto change) { answer = std::move(change); });
    if (answer) cursor = answer->cursor;
    return answer;
  };
  EXPECT_FALSE(ask()->all) << "nothing was left yet";
  post->put(std::vector<Site>{{"a", 80}});
  EXPECT_EQ(ask()->all, (std::vector<Site>{{"a", 80}}));
  post->put(std::vector<Site>{{"a", 80}});
  EXPECT_FALSE(ask()->all) << "the same again";
  post->put(dns_error());
  EXPECT_FALSE(ask());
  EXPECT_EQ(PostedSites(post, {{"base", 80}}).first(), (std::vector<Site>{{"base", 80}}));
  post->put(std::vector<Site>{{"a", 80}});
  EXPECT_TRUE(ask()->all) << "after a failure: all";
}

TEST(RecordedSites, AreOrderedByPriorityAndWeightsAreOfAHundred) {
  EXPECT_EQ(sites_of({{20, 0, 80, "c"}, {10, 65535, 80, "b"}, {10, 1, 80, "a"}, {20, 0, 80, "d"}}),
            (std::vector<Site>{
                {"a", 80, 1, 10}, {"b", 80, 100, 10}, {"c", 80, 1, 20}, {"d", 80, 1, 20}}));
  EXPECT_EQ(sites_of({{1, 3, 80, "a"}, {1, 5, 81, "a"}}),
            (std::vector<Site>{{"a", 80, 3, 1}, {"a", 81, 5, 1}}))
      << "small weights as they are";
  EXPECT_EQ(sites_of({{2, 1, 80, "a"}, {1, 7, 80, "a"}, {2, 9, 80, "a"}}),
            (std::vector<Site>{{"a", 80, 7, 1}}))
      << "one place, however often it is named";
}

TEST(RecordedSites, AreAskedForWhenTheirTtlOfOneToSixtySecondsIsOver) {
  TimePoint now(std::chrono::hours(1));
  int asked = 0;
  Result<wire::ServiceRecords> answer = wire::ServiceRecords{{{1, 1, 80, "a"}}, Duration(0)};
  RecordedSites source([&](const wire::ServiceRecordsDone& done) { ++asked, done(answer); },
                       [&] { return now; }, {{"base", 80}});
  EXPECT_EQ(source.first(), (std::vector<Site>{{"base", 80}}));
  std::uint64_t cursor = 0;
  const auto ask = [&] {
    Result<SitesChange> told = SitesChange();
    source.ask(cursor, [&](auto change) { told = std::move(change); });
    cursor = told ? told->cursor : 0;
    return told;
  };
  EXPECT_EQ(ask()->all, (std::vector<Site>{{"a", 80, 1, 1}}));
  now += std::chrono::milliseconds(999);
  EXPECT_FALSE(ask()->all);
  EXPECT_EQ(asked, 1) << "a TTL of 0 is a second";
  now += std::chrono::milliseconds(1);
  answer->ttl = std::chrono::hours(24);
  EXPECT_FALSE(ask()->all) << "the same";
  EXPECT_EQ(asked, 2);
  now += std::chrono::seconds(59);
  EXPECT_TRUE(ask());
  EXPECT_EQ(asked, 2);
  now += std::chrono::seconds(1);
  answer = dns_error();
  EXPECT_FALSE(ask());
  EXPECT_FALSE(ask());
  EXPECT_EQ(asked, 4) << "a failure holds for no time";
  answer = wire::ServiceRecords{{{1, 1, 80, "a"}}, Duration(0)};
  EXPECT_TRUE(ask()->all) << "after a failure: all";
}

}  // namespace
}  // namespace callerapi::policy
