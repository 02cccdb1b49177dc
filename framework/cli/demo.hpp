#pragma once

#include <string>

namespace callerapi::cli {

/// What `callerapi demo` is told.
struct DemoOptions {
  std::string path;   ///< A file or folder to read; empty: this machine's own.
  bool json = false;  ///< One JSON object instead of the table.
  /// The registry that is copied and added to; empty: the one that was installed with this program,
  /// else ./registry.toml.
  std::string registry;
  std::string bin_dir;  ///< Where callerapi-storage lies; empty: beside this program.
};

/// The document platform of plugins/ on this machine, end to end: starts its services, stores,
/// reads and indexes documents, kills one service on the way, asks a question and checks the
/// answer against an independent count. Answers the exit code: 0 only if every check held. Leaves
/// no process and no file behind. One run at a time in a process.
int run_demo(const DemoOptions& options);

}  // namespace callerapi::cli
