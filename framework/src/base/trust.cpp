#include "base/trust.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace callerapi::base {
namespace {

constexpr std::size_t entry_bytes = 16u << 10;

/// The convention of user-private groups: same name, nobody else listed.
bool own_group(gid_t group) {
  std::array<char, entry_bytes> user_text, group_text;
  passwd user{}, *found_user = nullptr;
  struct group entry {
  }, *found = nullptr;
  if (getpwuid_r(geteuid(), &user, user_text.data(), user_text.size(), &found_user) != 0 ||
      getgrgid_r(group, &entry, group_text.data(), group_text.size(), &found) != 0 || !found_user ||
      !found)
    return false;
  if (user.pw_gid != group || std::strcmp(user.pw_name, entry.gr_name) != 0) return false;
  for (char** member = entry.gr_mem; *member; ++member)
    if (std::strcmp(*member, user.pw_name) != 0) return false;
  return true;
}

bool read_only(const std::filesystem::path& path) {
  struct statvfs mount {};
  return statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

std::string judge(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "cannot be examined: " + path.string();
  const bool others = (info.st_mode & S_IWOTH) != 0;
  const bool group = (info.st_mode & S_IWGRP) != 0 && !own_group(info.st_gid);
  const bool foreign = info.st_uid != 0 && info.st_uid != geteuid();
  if (!others && !group && !foreign) return {};
  const bool sticky_root = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) && info.st_uid == 0;
  if (sticky_root || read_only(path)) return {};
  std::array<char, 8> mode;
  std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(info.st_mode & 07777));
  const std::string what = "'" + path.string() + "'";
  if (foreign)
    return what + " belongs to user " + std::to_string(info.st_uid) +
           ", who could change it; run: chown " + std::to_string(geteuid()) + " " + what;
  return what + " has mode " + mode.data() + ", so that others could change it; run: chmod " +
         (others && group ? "go-w "
          : others        ? "o-w "
                          : "g-w ") +
         what;
}

}  // namespace

std::string distrust(const std::filesystem::path& file) {
  for (std::filesystem::path at = file;; at = at.parent_path()) {
    if (std::string why = judge(at); !why.empty()) return why;
    if (at == at.parent_path()) return {};
  }
}

}  // namespace callerapi::base
