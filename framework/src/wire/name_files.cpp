#include "wire/name_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "base/limits.hpp"
#include "wire/resolve.hpp"

namespace callerapi::wire {
namespace {

/// Cuts the next word off the front of `line`; empty: there is none.
std::string_view next_word(std::string_view& line) {
  constexpr std::string_view blank = " \t\r\f\v";
  line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(blank));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

HostTable parse_hosts(std::string_view text) {
  HostTable table;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const std::string address(next_word(line));
    if (!numeric_address(address, 0)) continue;
    for (auto name = next_word(line); !name.empty(); name = next_word(line)) {
      auto& addresses = table[lower_case(name)];
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
  }
  return table;
}

HostTable read_hosts(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::uint64_t most = base::limits::hosts_file_bytes_max;
  std::string text(static_cast<std::size_t>(std::min(stamp_of(path).size, most)), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return parse_hosts(text);
}

FileStamp stamp_of(const std::string& path) noexcept {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino),
          static_cast<std::uint64_t>(info.st_size),
          std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

}  // namespace callerapi::wire
