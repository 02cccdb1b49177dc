#pragma once

#include <CLI/CLI.hpp>

namespace callerapi::cli {

/// Prints what was asked for, --help or the version, and answers 0; or says on one line what is
/// wrong with the arguments and where to look, and answers 2.
int report_usage(const CLI::App& app, const CLI::ParseError& fault);

}  // namespace callerapi::cli
