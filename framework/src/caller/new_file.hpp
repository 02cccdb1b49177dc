#pragma once

#include <span>
#include <string>

#include "callerapi/result.hpp"

namespace callerapi::caller {

/// A file that gets its name only when it is whole: until commit() it lies beside `path` under a
/// name of its own, and goes when this object does. Errors name `path`; see download().
class NewFile {
 public:
  static Result<NewFile> create(const std::string& path);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  Result<void> write(std::span<const char> bytes);
  /// Back to nothing.
  Result<void> restart();
  /// Syncs it, gives it the name, syncs the folder where that may be read and can be synced.
  Result<void> commit();

 private:
  NewFile(int fd, std::string path, std::string beside);
  int fd_;
  std::string path_, beside_;
};

}  // namespace callerapi::caller
