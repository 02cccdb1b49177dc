#include "policy/candidates.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace callerapi::policy {
namespace {

// In the order in which a record tells of them.
enum class Fate : std::uint8_t {
  chosen,
  dearer,
  full,
  returning,
  ejected,
  cooling,
  tried,
  not_drawn,
  farther
};
constexpr std::array<std::string_view, 9> fates = {
    "chosen", "dearer", "full", "returning", "ejected", "cooling", "tried", "not_drawn", "farther"};

const Choice::Drawn* drawn_of(const Choice& choice, std::size_t index) {
  for (std::uint8_t i = 0; i < choice.drawn_count; ++i)
    if (choice.drawn[i].index == index) return &choice.drawn[i];
  return nullptr;
}

bool has(std::uint32_t bits, std::size_t index) { return index < 32 && (bits >> index & 1u) != 0; }

Fate fate_of(const Choice& choice, std::size_t index, std::size_t chosen, const Tried& tried) {
  if (index == chosen) return Fate::chosen;
  if (drawn_of(choice, index) != nullptr) return Fate::dearer;
  if (has(choice.full, index)) return Fate::full;
  if (has(choice.returning, index)) return Fate::returning;
  if (has(choice.ejected, index) && !choice.panic) return Fate::ejected;
  if (has(choice.cooling, index)) return Fate::cooling;
  if (tried.contains(index)) return Fate::tried;
  return choice.by == BalancePolicy::ring_hash ? Fate::farther : Fate::not_drawn;
}

CandidateRecord record_of(const Choice::Drawn* drawn) {
  if (drawn == nullptr) return {};
  return {
      .cost = Choice::cost(*drawn),
      .latency = Duration(static_cast<Duration::rep>(static_cast<double>(drawn->latency) * 1e9)),
      .in_flight = drawn->in_flight,
      .share = static_cast<double>(drawn->share)};
}

}  // namespace

std::vector<CandidateRecord> candidates_of(const InstanceSet& set, const Choice& choice,
                                           std::size_t chosen, const Tried& tried) {
  std::vector<CandidateRecord> all;
  if (set.all().size() < 2) return all;
  for (std::size_t fate = 0; fate < fates.size(); ++fate)
    for (std::size_t i = 0; i < set.all().size() && all.size() < candidates_max; ++i) {
      if (fate_of(choice, i, chosen, tried) != static_cast<Fate>(fate)) continue;
      CandidateRecord one = record_of(drawn_of(choice, i));
      one.instance = set.all()[i]->name;
      one.fate = fates[fate];
      all.push_back(std::move(one));
    }
  return all;
}

}  // namespace callerapi::policy
