#pragma once

#include <filesystem>
#include <functional>
#include <memory>

namespace callerapi::registry {

/// Tells when the content of a file has changed: written in place, renamed over, or a symlink
/// swapped. Watches the folder of the name and that of the file it leads to; 100 ms after the
/// first event it compares content. A look every 2 s catches what inotify missed. A file that is
/// gone is no change. Own thread.
class FileWatch {
 public:
  FileWatch(std::filesystem::path file, std::function<void()> changed);
  /// Joins; not from within `changed`.
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  /// In a forked child: gives up without joining.
  void abandon() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace callerapi::registry
