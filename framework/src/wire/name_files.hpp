#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace callerapi::wire {

/// The files of this machine that say where names are, and whom to ask. Files are read by a
/// worker, never by a loop.
struct NameFiles {
  std::string hosts = "/etc/hosts";
  std::string resolv_conf = "/etc/resolv.conf";
  std::string servers;  ///< "127.0.0.1:5353" to ask instead of those of resolv_conf.
};

/// Lower-case name -> numeric addresses, in the order of the file.
using HostTable = std::unordered_map<std::string, std::vector<std::string>>;

/// The hosts file: `address name alias...`, `#` begins a comment. Lines that say nothing else are
/// skipped, as every resolver does.
HostTable parse_hosts(std::string_view text);
/// A missing or unreadable file is an empty one. Blocks.
HostTable read_hosts(const std::string& path);

/// Tells one content of a file from another without reading it.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileStamp&) const = default;
};
/// All zero when there is no such file. Blocks.
FileStamp stamp_of(const std::string& path) noexcept;

/// ASCII letters only: names are compared without case.
std::string lower_case(std::string_view text);

}  // namespace callerapi::wire
