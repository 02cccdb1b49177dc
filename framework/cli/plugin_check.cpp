#include <algorithm>
#include <iostream>

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

}  // namespace

int run_plugin_check(const Common& common, const std::string& file) {
  const auto checks = check_plugin(file);
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
