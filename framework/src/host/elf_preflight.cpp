#include "host/elf_preflight.hpp"

#include <elf.h>

#include <cstring>
#include <optional>
#include <string_view>

#include "callerapi/abi/v1.h"
#include "host/plugin_file.hpp"
#include "wire/syntax.hpp"

namespace callerapi::host {
namespace {

/// Every access is checked against the end of the file first.
class Image {
 public:
  Image(std::span<const char> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  template <class T>
  std::optional<T> at(std::uint64_t offset) const {
    if (!holds(offset, sizeof(T))) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  bool holds(std::uint64_t offset, std::uint64_t size) const noexcept {
    return offset <= bytes_.size() && size <= bytes_.size() - offset;
  }
  std::string_view text(std::uint64_t begin, std::uint64_t end) const noexcept {
    if (begin >= end || !holds(begin, end - begin)) return {};
    const char* from = bytes_.data() + begin;
    return {from, ::strnlen(from, end - begin)};
  }
  Error refuse(std::string reason, std::string text) const {
    return rejected(file_, std::move(reason), std::move(text));
  }
  std::uint64_t size() const noexcept { return bytes_.size(); }

 private:
  std::span<const char> bytes_;
  const std::string& file_;
};

Result<Elf64_Ehdr> read_header(const Image& image) {
  const auto header = image.at<Elf64_Ehdr>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return image.refuse("format_not_elf", "is not a shared library (no ELF header)");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
    return image.refuse("format_wrong_class", "is not a 64-bit little-endian ELF file");
  if (header->e_machine != EM_X86_64)
    return image.refuse("format_wrong_machine",
                        "was built for ELF machine " + std::to_string(header->e_machine) +
                            "; this host is x86-64 (" + std::to_string(EM_X86_64) + ")");
  if (header->e_type != ET_DYN)
    return image.refuse("format_not_elf", "is no shared library (ELF type is not DYN)");
  return *header;
}

Result<void> check_segments(const Image& image, const Elf64_Ehdr& header) {
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0)
    return image.refuse("format_corrupt", "has no usable program headers");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto segment =
        image.at<Elf64_Phdr>(header.e_phoff + std::uint64_t{i} * sizeof(Elf64_Phdr));
    if (!segment)
      return image.refuse("format_truncated", "its program headers end beyond the file");
    if (segment->p_type == PT_LOAD && !image.holds(segment->p_offset, segment->p_filesz))
      return image.refuse(
          "format_truncated",
          "a segment ends at byte " + std::to_string(segment->p_offset + segment->p_filesz) +
              " of a file of " + std::to_string(image.size()) + "; was it copied whole?");
  }
  return {};
}

/// The section that lists the dynamic symbols, with its strings.
struct Symbols {
  Elf64_Shdr table, strings;
};

Result<Symbols> find_symbols(const Image& image, const Elf64_Ehdr& header) {
  const auto section = [&](std::uint64_t index) {
    return image.at<Elf64_Shdr>(header.e_shoff + index * sizeof(Elf64_Shdr));
  };
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0 ||
      !image.holds(header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr)))
    return image.refuse("format_truncated",
                        "its section headers end beyond the file; was it copied whole?");
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto one = section(i);
    if (one->sh_type != SHT_NOBITS && !image.holds(one->sh_offset, one->sh_size))
      return image.refuse("format_truncated",
                          "a section ends beyond the file; was it copied whole?");
    if (one->sh_type != SHT_DYNSYM) continue;
    if (one->sh_link >= header.e_shnum || one->sh_entsize != sizeof(Elf64_Sym))
      return image.refuse("format_corrupt", "its table of dynamic symbols is malformed");
    return Symbols{*one, *section(one->sh_link)};
  }
  return image.refuse("format_entry_missing", "has no dynamic symbols");
}

Result<void> check_symbols(const Image& image, const Symbols& symbols) {
  const std::string_view wanted = CALLERAPI_PLUGIN_SYMBOL;
  bool found = false;
  const std::uint64_t strings_end = symbols.strings.sh_offset + symbols.strings.sh_size;
  for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols.table.sh_size;
       at += sizeof(Elf64_Sym)) {
    const auto symbol = image.at<Elf64_Sym>(symbols.table.sh_offset + at);
    if (!symbol || symbol->st_shndx == SHN_UNDEF) continue;
    const std::string_view name =
        image.text(symbols.strings.sh_offset + symbol->st_name, strings_end);
    if (ELF64_ST_BIND(symbol->st_info) == STB_GNU_UNIQUE)
      return image.refuse(
          "policy_unique_symbols",
          "exports the unique symbol '" + wire::printable(name) +
              "', which would keep it loaded for ever; build it with callerapi_add_plugin()");
    found = found || name == wanted;
  }
  if (found) return {};
  return image.refuse("format_entry_missing",
                      "does not export '" + std::string(wanted) +
                          "'; is CALLERAPI_PLUGIN(...) in one of its sources?");
}

}  // namespace

Result<void> preflight(std::span<const char> bytes, const std::string& file) {
  const Image image(bytes, file);
  const auto header = read_header(image);
  if (!header) return header.error();
  if (auto checked = check_segments(image, *header); !checked) return checked;
  const auto symbols = find_symbols(image, *header);
  if (!symbols) return symbols.error();
  return check_symbols(image, *symbols);
}

}  // namespace callerapi::host
