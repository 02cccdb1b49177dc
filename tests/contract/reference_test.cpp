#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcomes_reference.hpp"
#include "caller/metric_table.hpp"
#include "catalogue/keys.hpp"
#include "host/faults.hpp"
#include "policy/header_table.hpp"

namespace callerapi {
namespace {

std::string keys_reference() {
  std::string text = "| key | type | built-in | range | meaning |\n|---|---|---|---|---|\n";
  for (const catalogue::Key& key : catalogue::keys())
    text.append("| `")
        .append(key.name)
        .append("` | ")
        .append(catalogue::name(key.type))
        .append(" | ")
        .append(key.fallback.empty() ? "derived" : key.fallback)
        .append(" | ")
        .append(range_text(key))
        .append(" | ")
        .append(key.doc)
        .append(key.service_only ? " (not per endpoint)" : "")
        .append(" |\n");
  return text;
}

/// With CALLERAPI_WRITE_REFERENCE set the page is written instead of compared.
void compare(const std::string& page, const std::string& generated) {
  const std::string path = std::string(CALLERAPI_TEST_SOURCE) + "/docs/reference/" + page;
  if (std::getenv("CALLERAPI_WRITE_REFERENCE") != nullptr) {
    std::ofstream(path) << generated;
    return;
  }
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, generated)
      << "run the contract tests with CALLERAPI_WRITE_REFERENCE=1 and commit " << path;
}

TEST(Reference, OutcomesPageIsMadeFromTheTable) {
  compare("outcomes.md", base::outcomes_reference());
}

TEST(Reference, MetricsPageIsMadeFromTheTableOfMetrics) {
  compare("metrics.md", caller::metrics_reference());
}

TEST(Reference, HeadersPageIsMadeFromTheTablesOfFields) {
  compare("headers.md", policy::headers_reference());
}

TEST(Reference, PluginErrorsPageIsMadeFromTheTableOfFaults) {
  compare("plugin_errors.md", host::plugin_errors_reference());
}

constexpr std::string_view plugin_rows =
    "| `services.X.plugin` | `\"x\"` is `x.capi.so`; `\"static:id\"` one linked into the "
    "program |\n"
    "| `services.X.contract` | in place of `plugin`: `\"caller\"`, the contract that the "
    "program gives in Options::contracts under the name of the service; "
    "`\"caller:id\"`, one of another id |\n";
constexpr std::string_view instance_rows =
    "| `services.X.instances` | where it runs, if at several places: "
    "`[\"http://10.0.0.1:8080\", { url = \"http://10.0.0.2:8080\", weight = 2 }]`, weights 1 "
    "to 100; base_url stays its name and prefix |\n"
    "| `services.X.discovery` | `\"static\"` (built-in); `\"dns\"`: every address of the "
    "host of base_url is an instance; `\"srv\"`: those that SRV records name; `\"file\"`: those "
    "that a file names, which is followed; `\"http\"`: those that another service of the registry "
    "answers |\n"
    "| `services.X.instances_from` | with `\"srv\"`: the name of the records, built-in "
    "`_http._tcp.` or `_https._tcp.` and the host of base_url; with `\"file\"`: the file, relative "
    "to this one; with `\"http\"`: `\"places/v1/billing\"`, the service and the path of it; see "
    "[several instances](../guide/several_instances.md) |\n";

std::string auth_reference() {
  return "| `services.X.auth.type` | `\"bearer\"`, `\"basic\"` or `\"oauth2\"`: what is sent as "
         "Authorization; see [send a credential](../guide/authentication.md) |\n"
         "| `services.X.auth.token`, `services.X.auth.token_file` | of a bearer: the token, or the "
         "file that holds it and may change |\n"
         "| `services.X.auth.username`, `services.X.auth.password`, "
         "`services.X.auth.password_file` "
         "| of basic |\n"
         "| `services.X.auth.token_service`, `services.X.auth.token_path` | of oauth2: the service "
         "and the path of it that grant tokens |\n"
         "| `services.X.auth.client_id`, `services.X.auth.client_secret`, "
         "`services.X.auth.client_secret_file` | of oauth2: who asks |\n"
         "| `services.X.auth.scope`, `services.X.auth.audience` | of oauth2: for what; may be left "
         "out |\n"
         "| `services.X.auth.insecure` | `true`: the secret may go without TLS to other machines; "
         "built-in `false` |\n";
}

/// The keys that are no settings: where each may stand and what it means.
std::string tables_reference() {
  return "## Tables\n\n"
         "| key | meaning |\n|---|---|\n"
         "| `schema` | 1 |\n"
         "| `caller.name` | sent as Caller-Name |\n"
         "| `caller.plugin_dir` | folder of the plugins, relative to the file; built-in "
         "`plugins` |\n"
         "| `caller.profile` | which of `[profiles.X]` supplies `default_url` |\n"
         "| `caller.python_env` | also read DEPLOY, DEFAULT_URL and `<SERVICE>_URL` |\n"
         "| `caller.require_pins` | every plugin needs a `sha256` |\n"
         "| `caller.insecure_permissions` | accept plugin files that others may write |\n"
         "| `caller.resolver` | `dns`: c-ares; `system`: getaddrinfo; built-in `dns` |\n"
         "| `caller.hosts` | `\"svc.test\" = [\"127.0.0.1\"]`: where a name is, before anybody "
         "is asked |\n"
         "| `profiles.X.default_url` | base_url of services without one; `{service}` is their "
         "name |\n" +
         std::string(plugin_rows) +
         "| `services.X.base_url` | `http://host[:port][/prefix]`, `https://...` or "
         "`unix:/run/x.sock[:/prefix]` |\n" +
         std::string(instance_rows) +
         "| `services.X.allow_addresses` | the only addresses its names may lead to, as "
         "`[\"10.0.0.0/8\"]`; unset: any that is not link-local; also in `[defaults]` |\n"
         "| `services.X.proxy` | `http://[user:password@]host:port`, or `env`: `http_proxy` and "
         "`no_proxy`, lower case only; unset: none; also in `[defaults]` |\n"
         "| `services.X.sha256` | pin of the plugin file |\n"
         "| `services.X.allow_downgrade` | a plugin of a lower version may replace the running "
         "one |\n"
         "| `services.X.tls.ca_file` | certificates to trust, PEM; unset: the system's |\n"
         "| `services.X.tls.cert_file`, `services.X.tls.key_file` | our own chain and its key, "
         "PEM, for servers that ask |\n"
         "| `services.X.tls.server_name` | whom the certificate must name; unset: the host of "
         "base_url |\n"
         "| `services.X.tls.min_version` | `\"1.2\"` (built-in) or `\"1.3\"` |\n"
         "| `services.X.tls.verify` | `\"on\"` (built-in) or `\"off\"`, which warns at every "
         "load |\n" +
         auth_reference() +
         "| `defaults.tls.*` | the same for every service |\n"
         "| `caller.env_file` | a file of `NAME=value` lines read beneath the process "
         "environment; relative to the registry, and must be there |\n"
         "| `clamps` | `timeouts.total` and `retry.max_attempts` that no level may exceed, the "
         "environment included |\n"
         "| `services.X.unload` | `\"unmap\"` (built-in) or `\"pin\"`: retired copies stay mapped "
         "|\n"
         "| `services.X.watch` | `true`: a new file of its plugin is loaded by itself; built-in "
         "`false` |\n"
         "| `services.X.required` | built-in `true`; `false`: a missing variable or file, or a "
         "refused plugin, leaves out this service alone, or keeps it as it runs |\n"
         "| `services.X.endpoints.Y` | settings of one endpoint, the keys above without \"(not "
         "per endpoint)\" |\n"
         "| `services.X.config` | what the plugin's code may ask for |\n"
         "| `allow_empty` | no services are meant |\n\n"
         "Of these the environment may also set `CALLERAPI_CALLER__NAME`, `__PLUGIN_DIR`, "
         "`__PROFILE` "
         "and `__RESOLVER`,\n"
         "and of a service `plugin`, `contract`, `base_url`, `instances` (URLs separated by "
         "commas), "
         "`discovery`,\n`instances_from`, `allow_addresses` (ranges separated by commas), "
         "`sha256`, `unload`, "
         "`proxy`, "
         "`tls.*`, `auth.*` (but `insecure`) and `config.*`; "
         "all others count in the\n"
         "file alone.\n\n"
         "Strings are expanded once: `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, "
         "`${file:path}`, `$$`.\n"
         "Durations need a unit (`500ms`, `2s`, `1m`, `1h`; `0` is off where the table says so), "
         "sizes "
         "take `KiB`, "
         "`MiB`, `GiB`.\n";
}

/// The text of all files below `folder` that end in one of `kinds`.
std::string text_below(const std::string& folder, const std::vector<std::string>& kinds) {
  std::string text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (std::ranges::find(kinds, entry.path().extension().string()) == kinds.end()) continue;
    std::ifstream file(entry.path());
    text.append(std::istreambuf_iterator<char>(file), {}).append("\n");
  }
  return text;
}

/// `Suite.Name`. `FuzzSeeds.reader` is named by CMake; `./dev fuzz`, `retry.max_attempts` and
/// `ServiceID.BILLING` are no tests.
bool names_a_test(std::string_view quoted) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const std::size_t dot = quoted.find('.');
  if (dot == std::string_view::npos || quoted[0] < 'A' || quoted[0] > 'Z') return false;
  if (quoted.starts_with("FuzzSeeds.")) return false;
  const std::string_view name = quoted.substr(dot + 1);
  return std::ranges::all_of(quoted, [&](char c) { return is_word(c) || c == '.'; }) &&
         std::ranges::any_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
}

/// Every `Suite.Name` of a page is written as a test somewhere in the tree.
TEST(Reference, PagesNameTestsThatExist) {
  const std::string root = CALLERAPI_TEST_SOURCE;
  const std::string sources = text_below(root + "/tests", {".cpp", ".txt"});
  std::istringstream pages(text_below(root + "/docs", {".md"}));
  int seen = 0;
  bool code = false;
  for (std::string line; std::getline(pages, line);) {
    if (line.starts_with("```")) code = !code;
    for (std::size_t open = code ? line.npos : line.find('`'); open < line.size();) {
      const std::size_t close = std::min(line.find('`', open + 1), line.size());
      const std::string quoted = line.substr(open + 1, close - open - 1);
      open = line.find('`', close + 1);
      if (!names_a_test(quoted)) continue;
      const std::size_t dot = quoted.find('.');
      const std::string pair = "(" + quoted.substr(0, dot) + ", " + quoted.substr(dot + 1) + ")";
      EXPECT_TRUE(std::ranges::any_of(
          std::vector{pair, quoted + ")", quoted + " ", quoted + "\n"},
          [&](const std::string& form) { return sources.find(form) != std::string::npos; }))
          << quoted << " is no test";
      ++seen;
    }
  }
  EXPECT_FALSE(code) << "a page ends within its code";
  EXPECT_GE(seen, 200);
}

TEST(Reference, RegistryPageIsMadeFromTheKeys) {
  compare("registry.md",
          "# Keys of registry.toml\n\n"
          "Generated from the table of keys; a test fails when they differ. Each may stand in "
          "`[defaults]`,\n"
          "`[services.X]` and `[services.X.endpoints.Y]`, and as `CALLERAPI_SERVICES__X__<KEY>` in "
          "the environment\n"
          "(dots as `__`). Later levels win: built-in, plugin, defaults, service, endpoint, "
          "environment.\n\n" +
              keys_reference() +
              "\n`timeouts = \"python\"` stands for what the Python package gave: total 300 s, "
              "read 180 s.\n"
              "`headers.<Name> = \"value\"` adds a header where a call has none; `Accept: "
              "application/json` is built in.\n\n" +
              tables_reference());
}

}  // namespace
}  // namespace callerapi
