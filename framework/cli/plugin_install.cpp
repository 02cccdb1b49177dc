// `callerapi plugin install`, `rollback` and `list`.
#include <iostream>

#include "callerapi/plugin_file.hpp"
#include "plugin.hpp"

namespace callerapi::cli {
namespace {

std::string shown(const std::string& plugin, const std::string& version) {
  return version.empty() ? plugin : plugin + " (" + version + ")";
}

int print(const Common& common, const Result<PluginChange>& change) {
  if (!change) return report(change.error());
  if (common.json) {
    json::Writer out;
    out.begin_object()
        .member("schema", "callerapi.plugin.change/1")
        .member("registry", common.registry)
        .member("service", change->service)
        .member("file", change->file)
        .member("plugin", change->plugin)
        .member("version", change->version)
        .member("sha256", change->sha256)
        .member("was_plugin", change->was_plugin)
        .member("was_version", change->was_version)
        .member("was_sha256", change->was_sha256)
        .end_object();
    std::cout << out.text() << '\n';
    return 0;
  }
  const std::string where = common.registry + ": services." + change->service;
  if (change->plugin == change->was_plugin && change->sha256 == change->was_sha256)
    std::cout << where << ": is " << shown(change->plugin, change->version) << " already\n";
  else
    std::cout << where << ": " << shown(change->plugin, change->version) << ", was "
              << shown(change->was_plugin, change->was_version) << '\n';
  return 0;
}

}  // namespace

int run_plugin_install(const Common& common, const std::string& file, const std::string& service) {
  return print(common, install_plugin(common.registry, service, file));
}

int run_plugin_rollback(const Common& common, const std::string& service, const std::string& to) {
  return print(common, rollback_plugin(common.registry, service, to));
}

int run_plugin_list(const Common& common, const std::string& service) {
  const auto steps = plugin_history(common.registry, service);
  if (!steps) return report(steps.error());
  if (common.json) {
    json::Writer out;
    out.begin_object()
        .member("schema", "callerapi.plugin.list/1")
        .member("registry", common.registry)
        .member("service", service)
        .key("steps")
        .begin_array();
    for (const PluginStep& step : *steps)
      out.begin_object()
          .member("plugin", step.plugin)
          .member("version", step.version)
          .member("sha256", step.sha256)
          .member("installed", step.installed)
          .member("in_force", step.in_force)
          .member("trouble", step.trouble)
          .end_object();
    out.end_array().end_object();
    std::cout << out.text() << '\n';
    return 0;
  }
  const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  std::vector<std::vector<std::string>> rows{{"PLUGIN", "VERSION", "INSTALLED", "NOW", "TROUBLE"}};
  for (const PluginStep& step : *steps)
    rows.push_back({step.plugin, or_dash(step.version), or_dash(step.installed),
                    step.in_force ? "yes" : "-", or_dash(step.trouble)});
  print_table(rows);
  return 0;
}

}  // namespace callerapi::cli
