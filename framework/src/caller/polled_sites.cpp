#include "caller/polled_sites.hpp"

#include <cstdint>
#include <optional>
#include <utility>

#include "callerapi/json.hpp"
#include "registry/instances_file.hpp"
#include "wire/url.hpp"

namespace callerapi::caller {
namespace {

using policy::Site;

// Longer ones are sent by nobody who means it, and would be kept for good.
constexpr std::size_t etag_bytes_max = 256;

Error refuse(std::string why) {
  return {.outcome = Outcome::decode_error, .reason = "instances", .message = std::move(why)};
}

/// Where an element says to connect; the weight is another matter.
Result<Site> place_of(const json::View& one, std::string_view scheme) {
  const json::View url = one.find("url"), host = one.find("host"), port = one.find("port");
  if (static_cast<bool>(url) == static_cast<bool>(host))
    return refuse("expected url, or host and port");
  if (!url) {
    const auto name = host.string();
    const std::int64_t number = port ? port.integer().value_or(0) : 0;
    if (!name || number < 1 || number > 65535)
      return refuse("expected host as text and port as a number from 1 to 65535");
    const bool v6 = name->find(':') != std::string_view::npos;
    auto site = registry::parse_place((v6 ? "[" : "") + std::string(*name) + (v6 ? "]:" : ":") +
                                      std::to_string(number));
    if (!site) return refuse("its host is neither a name nor an address");
    return site;
  }
  const auto parsed = wire::parse_base_url(url.string().value_or(""));
  if (!parsed || parsed->scheme != scheme || !parsed->path.empty())
    return refuse("expected a url such as " + std::string(scheme) +
                  "://10.0.0.1:8080, with the scheme of base_url and without a path");
  return Site{parsed->host, parsed->port, 1};
}

Result<Site> site_of(const json::View& one, std::string_view scheme) {
  if (one.kind() != json::Kind::object) return refuse("expected an object");
  auto site = place_of(one, scheme);
  const json::View weight = one.find("weight");
  if (!site || !weight) return site;
  const std::int64_t number = weight.integer().value_or(0);
  if (number < 1 || number > registry::weight_max)
    return refuse("its weight must be a whole number from 1 to " +
                  std::to_string(registry::weight_max));
  site->weight = static_cast<int>(number);
  return site;
}

}  // namespace

Result<std::vector<Site>> read_places(std::string_view text, std::string_view scheme) {
  if (text.size() > places_bytes_max)
    return refuse("the answer is longer than " + std::to_string(places_bytes_max) + " bytes");
  const auto document = json::Document::parse(text);
  if (!document) return refuse("the answer is not JSON");
  const json::View list = document->root().find("instances");
  if (!list || list.kind() != json::Kind::array)
    return refuse("the answer is no object with an array \"instances\"");
  std::vector<Site> all;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto site = site_of(list.at(i), scheme);
    auto added = site ? registry::add_place(all, std::move(*site)) : Result<void>(site.error());
    if (!added) return refuse("instances[" + std::to_string(i) + "]: " + added.error().message);
  }
  if (all.empty()) return refuse("the answer names no instance");
  return all;
}

PolledSites::PolledSites(std::string from, std::string scheme, Get get,
                         std::function<TimePoint()> now, std::vector<Site> before)
    : from_(std::move(from)),
      scheme_(std::move(scheme)),
      get_(std::move(get)),
      now_(std::move(now)),
      before_(std::move(before)) {}

policy::SitesChange PolledSites::State::since(std::uint64_t known) const {
  policy::SitesChange change{.cursor = cursor};
  if (known != cursor) change.all = all;
  return change;
}

/// Takes over what an answer says.
Result<void> PolledSites::State::take(const Result<Response>& answer, std::string_view scheme) {
  if (!answer) return answer.error();
  if (answer->status == 304 && !etag.empty()) return {};
  if (answer->status != 200)
    return refuse("it answered " + std::to_string(answer->status) + ", expected 200");
  auto places = read_places(answer->body, scheme);
  if (!places) return std::move(places).error();
  const auto tag = answer->headers.get("ETag");
  etag = tag && tag->size() <= etag_bytes_max ? std::string(*tag) : "";
  if (*places != all) {
    ++cursor;
    all = std::move(*places);
  }
  return {};
}

void PolledSites::ask(std::uint64_t cursor, Answered done) {
  if (now_() < state_->next) {
    if (state_->failed) return done(*state_->failed);
    return done(state_->since(cursor));
  }
  Request request = Request{}.header("Accept", "application/json").timeout(poll_timeout);
  if (!state_->etag.empty()) request.headers.add("If-None-Match", state_->etag);
  get_(std::move(request), [state = std::weak_ptr(state_), from = from_, scheme = scheme_,
                            now = now_, cursor, done = std::move(done)](Result<Response> answer) {
    const auto known = state.lock();
    if (!known) return;
    auto taken = known->take(answer, scheme);
    known->next = now() + (taken ? poll_every : poll_again);
    known->failed.reset();
    if (taken) return done(known->since(cursor));
    Error error = std::move(taken).error();
    error.message = from + ": " + error.message;
    done(*(known->failed = std::move(error)));
  });
}

}  // namespace callerapi::caller
