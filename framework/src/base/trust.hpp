#pragma once

#include <filesystem>
#include <string>

namespace callerapi::base {

/// Who could change a file behind our back? `file` is resolved: no symlinks. It and every folder
/// above must belong to root or this user and be writable by nobody else. Excused are sticky
/// folders of root (/tmp), read-only mounts, and a group that is this user's own and holds nobody
/// else. Answers "" or what is wrong and the command that mends it. Thread-safe.
std::string distrust(const std::filesystem::path& file);

}  // namespace callerapi::base
