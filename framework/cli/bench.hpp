#pragma once

#include <CLI/CLI.hpp>

#include "command.hpp"

namespace callerapi::cli {

/// Adds `bench`; `code` becomes its exit code.
void add_bench_command(CLI::App& app, Common& common, int& code);

}  // namespace callerapi::cli
