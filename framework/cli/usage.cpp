#include "usage.hpp"

#include <iostream>
#include <string>
#include <vector>

namespace callerapi::cli {
namespace {

constexpr int usage_error = 2;

/// The command that was meant, as far as it was understood.
const CLI::App& meant(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string path_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : path_of(*parent) + " " + command.get_name();
}

std::string names_of(const std::vector<const CLI::App*>& commands) {
  std::string names;
  for (const CLI::App* one : commands) names += (names.empty() ? "" : ", ") + one->get_name();
  return names;
}

}  // namespace

int report_usage(const CLI::App& app, const CLI::ParseError& fault) {
  if (fault.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(fault);
  const CLI::App& command = meant(app);
  const auto below =
      command.get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); });
  const std::vector<std::string> rest = app.remaining(true);
  std::cerr << "callerapi: ";
  if (below.empty())
    std::cerr << fault.what();
  else if (rest.empty())
    std::cerr << path_of(command) << " needs a command; there are " << names_of(below);
  else
    std::cerr << path_of(command) << " has no command '" << rest.front() << "'; there are "
              << names_of(below);
  std::cerr << "; see `" << path_of(command) << " --help`\n";
  return usage_error;
}

}  // namespace callerapi::cli
