#include "policy/candidates.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "policy/settings.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

class Candidates : public ::testing::Test {
 protected:
  Candidates() {
    for (const char* name : {"a", "b", "c", "d", "e"}) {
      auto one = std::make_shared<Instance>();
      one->name = name;
      one->health = std::make_shared<InstanceHealth>(now_);
      all_.push_back(std::move(one));
    }
  }
  std::vector<CandidateRecord> pick() {
    const InstanceSet set(all_);
    chosen_ = set.balancer().pick(ejector_, settings_, tried_, now_, 7, choice_).value();
    return candidates_of(set, choice_, chosen_, tried_);
  }
  static std::string told(const std::vector<CandidateRecord>& all) {
    std::string text;
    for (const auto& one : all) text += one.instance + ":" + std::string(one.fate) + " ";
    return text;
  }

  TimePoint now_ = TimePoint(1h);
  std::vector<std::shared_ptr<Instance>> all_;
  Ejector ejector_;
  Settings settings_;
  Tried tried_;
  Choice choice_;
  std::size_t chosen_ = 0;
};

TEST_F(Candidates, BothThatWereComparedAreThereWithTheFiguresOfTheirCosts) {
  all_.resize(2);
  all_[0]->weight = 2;
  all_[0]->health->sample(80ms, now_);
  all_[1]->health->sample(50ms, now_);
  for (int i = 0; i < 3; ++i) all_[0]->health->begin();

  const auto all = pick();

  ASSERT_EQ(told(all), "b:chosen a:dearer ");
  EXPECT_NEAR(all[1].cost, 0.080 * 4 / 2, 1e-6);
  EXPECT_EQ(all[1].in_flight, 3);
  EXPECT_EQ(all[1].share, 2.0);
  EXPECT_NEAR(static_cast<double>(all[1].latency.count()), 80e6, 10);
  EXPECT_NEAR(all[0].cost, 0.050, 1e-6);
}

TEST_F(Candidates, WhoWasLeftOutIsToldWithTheReason) {
  all_[0]->health->eject(10s, 300s, 0s, now_);
  ejector_.cool(*all_[1]->health, 5s, now_);
  tried_.add(2);

  const auto all = pick();

  ASSERT_EQ(all.size(), 5u);
  const std::string rest = told({all.begin() + 2, all.end()});
  EXPECT_EQ(rest, "a:ejected b:cooling c:tried ");
  EXPECT_EQ(all[0].fate, "chosen");
  EXPECT_EQ(all[1].fate, "dearer");
  EXPECT_EQ(all[2].cost, 0) << "nobody looked";
}

TEST_F(Candidates, InPanicNobodyIsCalledEjected) {
  for (int i = 0; i < 4; ++i) all_[static_cast<std::size_t>(i)]->health->eject(10s, 300s, 0s, now_);
  ejector_.cool(*all_[4]->health, 1ms, now_);  // makes it look
  now_ += 2ms;
  ejector_.cool(*all_[4]->health, 1ms, now_ - 2ms);
  tried_.add(4);

  const auto all = pick();

  EXPECT_TRUE(choice_.panic);
  EXPECT_EQ(told(all).find("ejected"), std::string::npos) << told(all);
}

TEST_F(Candidates, TurnsAndOrderCompareNobody) {
  settings_.balance.policy = BalancePolicy::first;
  const auto all = pick();
  EXPECT_EQ(told(all), "a:chosen b:not_drawn c:not_drawn d:not_drawn e:not_drawn ");
  EXPECT_EQ(all[0].share, 0);
}

TEST_F(Candidates, AServiceAtOnePlaceHasNone) {
  all_.resize(1);
  EXPECT_TRUE(pick().empty());
}

}  // namespace
}  // namespace callerapi::policy
