#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace extract {

/// How a program ended.
struct Finished {
  bool started = false;    ///< False: there is no such program.
  bool timed_out = false;  ///< It was killed at the limit.
  int exit_code = -1;      ///< -1 when a signal ended it.
};

/// Runs a program from PATH, its output discarded, and waits for it, at most `limit`; then it is
/// killed with whatever it started. Thread-safe.
Finished run_command(const std::vector<std::string>& words, std::chrono::milliseconds limit);

/// A folder that is gone with its contents when the object is. Not copied.
class TemporaryFolder {
 public:
  /// Made under `parent`; std::system_error when that fails.
  explicit TemporaryFolder(const std::string& parent);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace extract
