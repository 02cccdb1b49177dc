#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace callerapi::registry {

/// A plugin file to watch, and the content that is in use.
struct WatchedPlugin {
  std::filesystem::path path;  ///< As it is named, symlinks and all.
  std::string sha256;
};

/// Tells when the content of the registry file, or of a plugin file, has changed: written in place,
/// renamed over, or a symlink swapped. Events of their folders wake it, a look every 2 s catches
/// what they missed, and every 500 ms where there are none; what counts is the file itself.
///
/// The registry is read once it has rested for 100 ms, or after 500 ms if it never rests. A plugin
/// file must have rested for 500 ms, so that one that is copied slowly is seen once and whole. At
/// most ten changes a second are told of. A file that is gone is no change. Own thread.
///
/// While the last change could not be taken over, whatever moves is one, the same content too: who
/// may write to a file can have been what was wrong with it.
///
/// Or of files that say where services run: read as soon as the registry would be, and one that is
/// gone is a change, too.
class FileWatch {
 public:
  /// What tells one content of a file from another; empty for what is no file, cannot be read, or
  /// is larger than all that is ever read. Waits for nobody, whatever stands there.
  static std::string digest_of(const std::filesystem::path& file);

  /// `seen`: digest_of(file) from before the file was read for what is in use. Of what has been
  /// written since then is told, too. `changed` answers whether the change was taken over.
  FileWatch(std::filesystem::path file, std::string seen, std::function<bool()> changed);
  /// Of no registry: watches what set_files() names.
  explicit FileWatch(std::function<void()> changed);
  /// Joins; not from within `changed`.
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  /// The plugin files to watch from now on, instead of those before. Thread-safe; also from within
  /// `changed`.
  void set_plugins(std::vector<WatchedPlugin> plugins);
  /// Only without a registry: the files to watch from now on. Of each that was not watched before
  /// a change is told soon, if it is there: whoever read it earlier cannot have missed one.
  /// Thread-safe.
  void set_files(std::vector<std::filesystem::path> files);
  /// Joins the thread; nothing is told of any more. Once.
  void stop();
  /// In a forked child: gives up without joining.
  void abandon() noexcept;

 private:
  struct State;
  void start();
  std::unique_ptr<State> state_;
};

}  // namespace callerapi::registry
