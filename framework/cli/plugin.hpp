#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "command.hpp"

namespace callerapi::cli {

/// Adds `plugin` and its sub-commands; `code` becomes the exit code of the one that ran.
void add_plugin_commands(CLI::App& app, Common& common, int& code);

int run_plugin_info(const Common& common, const std::string& file);
/// What a plugin is checked with; later ones win: a service's config, a file, single values.
struct CheckArguments {
  std::string file, service, config;
  std::vector<std::string> set;  ///< KEY=VALUE
};
int run_plugin_check(const Common& common, const CheckArguments& arguments);
int run_plugin_install(const Common& common, const std::string& file, const std::string& service);
int run_plugin_rollback(const Common& common, const std::string& service, const std::string& to);
int run_plugin_list(const Common& common, const std::string& service);
int run_plugin_new(const std::string& name, const std::string& directory);

}  // namespace callerapi::cli
