#include "policy/hash_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "policy/candidates.hpp"
#include "policy/settings.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr int keys = 20'000;

std::uint64_t hash(int key) { return base::hash_of("customer-" + std::to_string(key)); }

/// Some instances that are chosen by key, in virtual time.
class Circle {
 public:
  void add(const std::string& name, double weight = 1) {
    auto one = std::make_shared<Instance>();
    one->name = name;
    one->weight = weight;
    one->health = std::make_shared<InstanceHealth>(now);
    all.push_back(std::move(one));
    set = std::make_unique<InstanceSet>(all, BalancePolicy::ring_hash);
  }
  void add(int from, int to) {
    for (int i = from; i < to; ++i) add("10.0.0." + std::to_string(i) + ":8080");
  }
  void remove(std::size_t i) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
    set = std::make_unique<InstanceSet>(all, BalancePolicy::ring_hash);
  }
  std::size_t pick(std::optional<std::uint64_t> key, const Tried& tried = {}) {
    Settings settings;
    settings.balance.policy = BalancePolicy::ring_hash;
    return set->balancer().pick(ejector, settings, tried, now, random.next(), choice, key).value();
  }
  std::vector<std::string> names() {
    std::vector<std::string> of;
    for (int key = 0; key < keys; ++key) of.push_back(all[pick(hash(key))]->name);
    return of;
  }
  std::string told(std::size_t chosen, const Tried& tried) const {
    std::string text;
    for (const auto& one : candidates_of(*set, choice, chosen, tried))
      text += one.instance + ":" + std::string(one.fate) + " ";
    return text;
  }

  TimePoint now = TimePoint(1h);
  std::vector<std::shared_ptr<Instance>> all;
  std::unique_ptr<InstanceSet> set;
  Ejector ejector;
  Choice choice;
  base::Random random{7};
};

TEST(HashRing, AKeyStaysAtOneInstanceAndTheKeysAreSharedByWeight) {
  Circle circle;
  circle.add("a:1", 2);
  circle.add("b:1", 1);
  circle.add("c:1", 1);
  const auto of = circle.names();
  EXPECT_EQ(of, circle.names());
  std::array<int, 3> count{};
  for (const std::string& name : of) ++count[static_cast<std::size_t>(name[0] - 'a')];
  EXPECT_NEAR(count[0], keys / 2, keys / 20);
  EXPECT_NEAR(count[1], keys / 4, keys / 20);
  EXPECT_NEAR(count[2], keys / 4, keys / 20);
}

TEST(HashRing, TheOrderOfTheSetMeansNothing) {
  Circle one, other;
  for (const char* name : {"a", "b", "c"}) one.add(name);
  for (const char* name : {"c", "a", "b"}) other.add(name);
  EXPECT_EQ(one.names(), other.names());
}

TEST(HashRing, AnInstanceMoreTakesItsShareOfTheKeysAndMovesNoOther) {
  Circle circle;
  circle.add(0, 9);
  const auto before = circle.names();
  circle.add(9, 10);
  const auto after = circle.names();
  int moved = 0;
  for (std::size_t key = 0; key < keys; ++key) {
    if (before[key] == after[key]) continue;
    ++moved;
    EXPECT_EQ(after[key], "10.0.0.9:8080");
  }
  EXPECT_NEAR(moved, keys / 10, keys / 50);
}

TEST(HashRing, AnInstanceLessMovesItsKeysAloneAndToAllOthers) {
  Circle circle;
  circle.add(0, 10);
  const auto before = circle.names();
  const std::string gone = circle.all[3]->name;
  circle.remove(3);
  const auto after = circle.names();
  std::vector<std::string> heirs;
  for (std::size_t key = 0; key < keys; ++key) {
    if (before[key] == gone) {
      heirs.push_back(after[key]);
    } else {
      EXPECT_EQ(after[key], before[key]);
    }
  }
  EXPECT_NEAR(static_cast<double>(heirs.size()), keys / 10, keys / 50);
  for (const auto& one : circle.all)
    EXPECT_GT(std::ranges::count(heirs, one->name), 20) << one->name;
}

TEST(HashRing, ARetryGoesToTheNextDistinctInstanceAlwaysInTheSameOrder) {
  Circle circle;
  circle.add(0, 4);
  const auto order = [&] {
    std::vector<std::size_t> all;
    Tried tried;
    for (int i = 0; i < 4; ++i) {
      all.push_back(circle.pick(hash(1), tried));
      EXPECT_FALSE(tried.contains(all.back()));
      tried.add(all.back());
    }
    return all;
  };
  const auto first = order();
  EXPECT_EQ(first, order());
  // The keys of one that is gone go where its retries went.
  const std::string second = circle.all[first[1]]->name;
  circle.remove(first[0]);
  EXPECT_EQ(circle.all[circle.pick(hash(1))]->name, second);
}

TEST(HashRing, WhoIsEjectedOrRestsIsPassedOverAndHasItsKeysAgainAfterwards) {
  Circle circle;
  circle.add(0, 4);
  const std::size_t home = circle.pick(hash(1));
  circle.ejector.cool(*circle.all[home]->health, 5s, circle.now);
  const std::size_t next = circle.pick(hash(1));
  EXPECT_NE(next, home);
  EXPECT_EQ(next, circle.pick(hash(1)));
  circle.now += 5s;
  EXPECT_EQ(circle.pick(hash(1)), home);

  for (int i = 0; i < 5; ++i)
    circle.ejector.note(circle.set->balancer().all(), home, base::Verdict::failure, {}, circle.now,
                        0);
  EXPECT_EQ(circle.pick(hash(1)), next);
  circle.now += 60s;
  EXPECT_EQ(circle.pick(hash(1)), home);
}

TEST(HashRing, OneThatIsBackFromAnEjectionGetsItsKeysBitByBit) {
  Circle circle;
  circle.add(0, 3);
  std::vector<int> its;
  for (int key = 0; key < 3000; ++key)
    if (circle.pick(hash(key)) == 0) its.push_back(key);
  circle.all[0]->health->eject(10s, 300s, 0s, circle.now);
  circle.ejector.cool(*circle.all[0]->health, 1ns, circle.now);  // makes it look
  const auto there_after = [&](Duration since) {
    circle.now = circle.all[0]->health->ejected_until() + since;
    return std::ranges::count_if(its, [&](int key) { return circle.pick(hash(key)) == 0; });
  };
  const auto all = static_cast<double>(its.size());
  EXPECT_NEAR(static_cast<double>(there_after(1s)), all / 10, all / 20);
  EXPECT_NEAR(static_cast<double>(there_after(5s)), all / 2, all / 10);
  EXPECT_EQ(there_after(10s), std::ssize(its));
}

TEST(HashRing, AFullInstanceIsPassedOverUnlessAllAre) {
  std::vector<std::unique_ptr<InstanceHealth>> healths;
  std::vector<Contender> all;
  for (const char* name : {"a", "b"}) {
    healths.push_back(std::make_unique<InstanceHealth>(TimePoint(1h)));
    all.push_back({healths.back().get(), 1, name, 1});
  }
  const Balancer balancer(all, Balancer::Ring::built);
  Settings settings;
  settings.balance.policy = BalancePolicy::ring_hash;
  Ejector ejector;
  Choice choice;
  const auto pick = [&] {
    return balancer.pick(ejector, settings, {}, TimePoint(1h), 1, choice, hash(1)).value();
  };
  const std::size_t home = pick();
  healths[home]->begin();
  EXPECT_EQ(pick(), 1 - home);
  healths[1 - home]->begin();
  EXPECT_EQ(pick(), home);
}

TEST(HashRing, WithoutAKeyItIsTheBuiltInChoice) {
  Circle circle;
  circle.add(0, 2);
  circle.all[0]->health->sample(1s, circle.now);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(circle.pick({}), 1u);
  EXPECT_EQ(name(circle.choice.by), "p2c_ewma");
}

TEST(HashRing, TheRecordTellsWhoWasPassedOverAndWhy) {
  Circle circle;
  circle.add(0, 4);
  Tried tried;
  const std::size_t home = circle.pick(hash(1));
  circle.ejector.cool(*circle.all[home]->health, 5s, circle.now);
  const std::size_t next = circle.pick(hash(1));
  tried.add(next);
  const std::string told = circle.told(next, tried);
  EXPECT_TRUE(
      told.starts_with(circle.all[next]->name + ":chosen " + circle.all[home]->name + ":cooling "))
      << told;
  EXPECT_NE(told.find(":farther "), std::string::npos) << told;
  EXPECT_EQ(name(circle.choice.by), "ring_hash");
}

TEST(HashRing, HasAThousandPointsForEachUntilThereWouldBeTooMany) {
  const auto points = [](int count) {
    InstanceHealth health(TimePoint(1h));
    std::vector<std::string> names;
    std::vector<Contender> all;
    for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
    for (const std::string& name : names) all.push_back({&health, 1, name});
    return HashRing(all).size();
  };
  EXPECT_EQ(points(0), 0u);
  EXPECT_EQ(points(3), 3u * 1024);
  EXPECT_EQ(points(256), 256u * 1024);
  EXPECT_EQ(points(257), 257u * 512);
  EXPECT_EQ(points(500), 500u * 512);
}

/// Other processes, built by others, find the same.
TEST(HashRing, TheHashOfAKeyIsTheSameEverywhere) {
  EXPECT_EQ(base::hash_of(""), 14087677454934409008u);
  EXPECT_EQ(base::hash_of("customer-1"), 15155642373170515706u);
}

}  // namespace
}  // namespace callerapi::policy
