#include "wire/dns_lookup.hpp"

#include <algorithm>
#include <utility>

namespace callerapi::wire {
namespace {

bool is_absence(const Error& error) {
  return error.reason == "not_found" || error.reason == "no_address";
}

}  // namespace

std::vector<std::string> full_names(const std::string& name, const std::vector<std::string>& search,
                                    int ndots) {
  if (name.ends_with('.')) return {name};
  std::vector<std::string> names;
  names.reserve(search.size() + 1);
  for (const std::string& domain : search) names.push_back(name + "." + domain);
  const bool first = std::ranges::count(name, '.') >= ndots;
  names.insert(first ? names.begin() : names.end(), name);
  return names;
}

DnsLookup::DnsLookup(Loop& loop, DnsChannel& channel, const std::string& name, Done done)
    : loop_(loop),
      channel_(channel),
      done_(std::move(done)),
      timer_([this] { settle(); }),
      names_(full_names(name, channel.search(), channel.ndots())) {}

DnsLookup::~DnsLookup() { loop_.disarm(timer_); }

void DnsLookup::begin() {
  answers_ = {};
  const std::size_t asked = next_++;
  for (const Family family : {Family::v6, Family::v4})
    channel_.ask(names_[asked], family,
                 [weak = weak_from_this(), asked, family](Result<Found> answer) {
                   if (auto self = weak.lock()) self->on_answer(asked, family, std::move(answer));
                 });
}

void DnsLookup::on_answer(std::size_t asked, Family family, Result<Found> answer) {
  if (!done_ || asked + 1 != next_) return;
  const bool useful = answer.has_value();
  answers_[static_cast<std::size_t>(family)] = std::move(answer);
  if (answers_[0] && answers_[1]) return settle();
  if (useful) loop_.arm(timer_, loop_.now() + family_patience);
}

void DnsLookup::settle() {
  loop_.disarm(timer_);
  Found all;
  std::optional<Error> failed;
  for (auto& answer : answers_) {
    if (!answer) continue;
    if (*answer) {
      all.ttl = all.addresses.empty() ? (*answer)->ttl : std::min(all.ttl, (*answer)->ttl);
      std::ranges::move((*answer)->addresses, std::back_inserter(all.addresses));
    } else if (!is_absence(answer->error())) {
      failed = answer->error();
    } else if (!absent_ || answer->error().reason == "no_address") {
      absent_ = answer->error();
    }
  }
  if (!all.addresses.empty()) return end(std::move(all));
  if (failed) return end(std::move(*failed));
  if (next_ < names_.size()) return begin();
  end(std::move(*absent_));
}

void DnsLookup::end(Result<Found> result) { std::exchange(done_, nullptr)(std::move(result)); }

}  // namespace callerapi::wire
