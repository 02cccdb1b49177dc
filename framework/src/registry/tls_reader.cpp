// What Reader does with the tables named `tls`.
#include <algorithm>
#include <utility>

#include "registry/names.hpp"
#include "registry/reader.hpp"
#include "registry/small_file.hpp"
#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {
namespace {

constexpr std::string_view keys[] = {"ca_file",     "cert_file",   "key_file",
                                     "server_name", "min_version", "verify"};
// The bundle of a whole distribution has some 220 KiB.
constexpr std::size_t pem_bytes_max = 4u << 20;

/// What a key with few values may be; empty when it is good.
std::string choice_fault(std::string_view key, std::string_view value) {
  const auto expected = [&](std::string_view one, std::string_view other) -> std::string {
    if (value == one || value == other) return {};
    return "expected \"" + std::string(one) + "\" or \"" + std::string(other) + "\", saw \"" +
           wire::printable(value) + "\"";
  };
  if (key == "min_version") return expected("1.2", "1.3");
  if (key == "verify") return expected("on", "off");
  if (value.empty()) return "is empty; leave the key out to get what is built in";
  return {};
}

}  // namespace

void Reader::read_tls(const Spot& parent, TlsKeys& into) {
  const auto tls = table(parent, "tls");
  if (!tls) return;
  known_only(*tls, {"ca_file", "cert_file", "key_file", "server_name", "min_version", "verify"});
  for (const std::string_view key : keys)
    if (auto given = text(*tls, key)) {
      const unsigned line = tls->node.find(key)->at.line;
      if (const auto why = choice_fault(key, given->value); !why.empty()) {
        fault(line, "bad_value", given->where + ": " + why);
      } else {
        into[std::string(key)] = {std::move(*given), line};
      }
    }
}

/// CALLERAPI_SERVICES__X__TLS__CA_FILE sets services.x.tls.ca_file.
void Reader::override_tls(const ServiceEntry& service, TlsKeys& into) {
  const std::string prefix = "CALLERAPI_SERVICES__" + variable_name(service.name) + "__TLS__";
  for (auto entry = environment_.lower_bound(prefix);
       entry != environment_.end() && entry->first.starts_with(prefix); ++entry) {
    const std::string key = key_of_variable(std::string_view(entry->first).substr(prefix.size()));
    const std::string from = "environment " + entry->first;
    const std::string where = from + ": services." + service.name + ".tls." + key;
    if (std::ranges::find(keys, key) == std::end(keys)) {
      fault(0, "unknown_key", where + ": unknown key");
    } else if (const auto why = choice_fault(key, entry->second); !why.empty()) {
      fault(0, "bad_value", where + ": " + why);
    } else {
      into[key] = {Text{entry->second, from, where}, 0};
    }
  }
}

/// The contents of the file a key names; empty without the key, or when it cannot be used, which is
/// a fault.
std::string Reader::tls_file(const TlsKeys& given, const std::string& key, const char* reason) {
  const auto found = given.find(key);
  if (found == given.end()) return {};
  const auto path = directory_ / found->second.text.value;
  const auto refuse = [&](const std::string& why) {
    fault(found->second.line, reason, found->second.text.where + ": " + path.string() + ": " + why);
    return std::string();
  };
  auto read = read_small_file(path, pem_bytes_max);
  if (!read) {
    refuse(read.error().message);
    faults_.back().missing = true;
    return {};
  }
  if (read->empty()) return refuse("is empty; expected PEM");
  return std::move(*read);
}

/// Is all of it of use? Told here, so that lint and reload say it with file and line.
void Reader::check_tls(const TlsKeys& given, const ServiceEntry& service) {
  const auto url = wire::parse_base_url(service.base_url);
  const auto made = wire::TlsContext::make(service.tls, url->host, url->port);
  if (made) return;
  const Error& error = made.error();
  const std::string key = error.reason == "ca"            ? "ca_file"
                          : error.reason == "certificate" ? "cert_file"
                          : error.reason == "key"         ? "key_file"
                                                          : error.reason;
  const auto found = given.find(key);
  if (found == given.end())
    return fault(0, error.reason,
                 service.origin + ": services." + service.name + ": " +
                     (key == "server_name" ? "the host of base_url " : "tls: ") + error.message);
  const bool file = key.ends_with("_file");
  const auto path = (directory_ / found->second.text.value).string();
  fault(found->second.line, error.reason,
        found->second.text.where + ": " + (file ? path + ": " : "") + error.message);
}

void Reader::load_tls(const Spot& spot, ServiceEntry& service, Registry& registry) {
  const std::size_t before = faults_.size();
  TlsKeys given = default_tls_, own;
  read_tls(spot, own);
  override_tls(service, own);
  for (auto& [key, value] : own) given.insert_or_assign(key, std::move(value));
  if (!service.base_url.starts_with("https://")) {
    if (!own.empty() && !service.base_url.empty())
      registry.warnings.push_back(spot.path + ".tls: has no effect, for base_url is not https");
    return;
  }
  const auto value = [&](const std::string& key, std::string_view built_in) {
    const auto found = given.find(key);
    return found == given.end() ? std::string(built_in) : found->second.text.value;
  };
  service.tls.server_name = value("server_name", "");
  service.tls.tls13_only = value("min_version", "1.2") == "1.3";
  service.tls.verify = value("verify", "on") == "on";
  for (const auto& [one, other] :
       {std::pair("cert_file", "key_file"), std::pair("key_file", "cert_file")})
    if (const auto found = given.find(one); found != given.end() && !given.contains(other))
      fault(found->second.line, "missing_key",
            found->second.text.where + ": needs tls." + other + " beside it");
  service.tls.ca = tls_file(given, "ca_file", "ca");
  service.tls.cert = tls_file(given, "cert_file", "certificate");
  service.tls.key = tls_file(given, "key_file", "key");
  if (faults_.size() == before) check_tls(given, service);
  if (!service.tls.verify)
    registry.warnings.push_back(
        given.at("verify").text.where +
        ": certificates are not checked; whoever answers is taken for the service");
}

}  // namespace callerapi::registry
