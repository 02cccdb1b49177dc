// The family `callerapi plugin`: what a team does with a plugin before anybody calls it.
#include "plugin.hpp"

#include <memory>

namespace callerapi::cli {
namespace {

struct Arguments {
  std::string file, service, name, directory, to;
};

}  // namespace

void add_plugin_commands(CLI::App& app, Common& common, int& code) {
  auto* plugin = app.add_subcommand("plugin", "look at, try, install and begin plugins");
  plugin->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  const auto command = [&](const char* name, const char* text) {
    return plugin->add_subcommand(name, text);
  };
  const auto json = [&](CLI::App* to) {
    to->add_flag("--json", common.json, "one JSON object instead of a table");
  };

  auto* info = command("info", "what a file says of itself; its code runs in a child process only");
  info->add_option("file", arguments->file)->required();
  json(info);
  info->callback([&common, &code, arguments] { code = run_plugin_info(common, arguments->file); });

  auto* check = command("check", "the conformance kit: 0 all passed, 1 some failed");
  const auto checked = std::make_shared<CheckArguments>();
  check->add_option("file", checked->file)->required();
  check->add_option("--service", checked->service, "make it with this service's config");
  check->add_option("--config", checked->config, "make it with the keys of this TOML file");
  check->add_option("--set", checked->set, "KEY=VALUE of its config; may be given again");
  json(check);
  check->callback([&common, &code, checked] { code = run_plugin_check(common, *checked); });

  auto* install = command("install", "check, copy into plugin_dir and pin in the registry");
  install->add_option("file", arguments->file)->required();
  install->add_option("--service", arguments->service, "else the one named as the plugin's id");
  json(install);
  install->callback([&common, &code, arguments] {
    code = run_plugin_install(common, arguments->file, arguments->service);
  });

  auto* rollback = command("rollback", "take the last install of a service back, five at most");
  rollback->add_option("service", arguments->service)->required();
  rollback->add_option("--to", arguments->to, "a version or plugin of `plugin list`");
  json(rollback);
  rollback->callback([&common, &code, arguments] {
    code = run_plugin_rollback(common, arguments->service, arguments->to);
  });

  auto* list = command("list", "what a service names and can be rolled back to");
  list->add_option("service", arguments->service)->required();
  json(list);
  list->callback(
      [&common, &code, arguments] { code = run_plugin_list(common, arguments->service); });

  auto* fresh = command("new", "write a project: plugin, test, registry");
  fresh->add_option("name", arguments->name, "such as billing or billing-eu")->required();
  fresh->add_option("--dir", arguments->directory, "the folder to make; else ./NAME");
  fresh->callback(
      [&code, arguments] { code = run_plugin_new(arguments->name, arguments->directory); });
}

}  // namespace callerapi::cli
