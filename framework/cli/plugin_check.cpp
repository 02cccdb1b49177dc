#include <algorithm>
#include <iostream>
#include <optional>
#include <utility>

#include "callerapi/plugin_file.hpp"
#include "plugin.hpp"

namespace callerapi::cli {
namespace {

using Verdict = PluginCheck::Verdict;

const char* word(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed";
    case Verdict::warned:
      return "warned";
    case Verdict::failed:
      return "failed";
    case Verdict::skipped:
      return "skipped";
  }
  return "failed";
}

std::ptrdiff_t count(const std::vector<PluginCheck>& checks, Verdict verdict) {
  return std::ranges::count(checks, verdict, &PluginCheck::verdict);
}

/// What the plugin is made with; nothing: the kit's "1".
Result<std::optional<PluginConfig>> config_of(const Common& common,
                                              const CheckArguments& arguments) {
  std::optional<PluginConfig> config;
  const auto take = [&](Result<PluginConfig> read) -> Result<void> {
    if (!read) return std::move(read).error();
    if (!config) config.emplace();
    for (auto& [key, value] : *read) config->insert_or_assign(key, std::move(value));
    return {};
  };
  if (!arguments.service.empty())
    if (auto taken = take(service_config(common.registry, arguments.service)); !taken)
      return std::move(taken).error();
  if (!arguments.config.empty())
    if (auto taken = take(read_plugin_config(arguments.config)); !taken)
      return std::move(taken).error();
  for (const std::string& pair : arguments.set) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{.outcome = Outcome::invalid_argument,
                   .reason = "set",
                   .message = "--set expects KEY=VALUE, such as token=abc"};
    (void)take(PluginConfig{{pair.substr(0, equals), pair.substr(equals + 1)}});
  }
  return config;
}

}  // namespace

int run_plugin_check(const Common& common, const CheckArguments& arguments) {
  const std::string& file = arguments.file;
  const auto config = config_of(common, arguments);
  if (!config) return report(config.error());
  const auto checks = check_plugin(file, "", *config);
  if (!checks) return report(checks.error());
  const auto failed = count(*checks, Verdict::failed);
  if (common.json) {
    json::Writer out;
    out.begin_object()
        .member("schema", "callerapi.plugin.check/1")
        .member("file", file)
        .member("failed", failed)
        .key("checks")
        .begin_array();
    for (const PluginCheck& check : *checks)
      out.begin_object()
          .member("check", check.name)
          .member("verdict", word(check.verdict))
          .member("text", check.text)
          .end_object();
    out.end_array().end_object();
    std::cout << out.text() << '\n';
    return failed > 0 ? 1 : 0;
  }
  std::vector<std::vector<std::string>> rows{{"CHECK", "VERDICT", "SEEN"}};
  for (const PluginCheck& check : *checks)
    rows.push_back({check.name, word(check.verdict), check.text});
  print_table(rows);
  std::cout << file << ": " << count(*checks, Verdict::passed) << " passed, " << failed
            << " failed, " << count(*checks, Verdict::skipped) << " skipped, "
            << count(*checks, Verdict::warned) << " warned\n";
  return failed > 0 ? 1 : 0;
}

}  // namespace callerapi::cli
