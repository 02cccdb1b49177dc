#include "host/elf_image.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace callerapi::host {
namespace {

constexpr std::uint64_t build_id_max = 64;  // SHA-512; GNU ld writes 20 bytes

// A file is read in the host's own process, with nobody to stop it: what is looked at once for each
// symbol, note or entry must be short, or 64 MiB keep the host for hours. Linkers write 9 to 13
// segments, some 30 entries and 300 bytes of notes; a plugin with all of the C++ runtime in it has
// a few thousand symbols.
constexpr std::uint64_t segments_max = 256, dynamic_max = 4096, note_bytes_max = 64u << 10,
                        symbols_max = 64u << 10, text_max = 4096;

std::uint64_t padded(std::uint64_t size) noexcept { return (size + 3) & ~std::uint64_t{3}; }

}  // namespace

std::string_view ElfImage::text(std::uint64_t begin, std::uint64_t end) const noexcept {
  if (begin >= end || !holds(begin, end - begin)) return {};
  const char* from = bytes_.data() + begin;
  return {from, ::strnlen(from, std::min(end - begin, text_max))};
}

std::string_view ElfImage::string(std::uint64_t offset) const noexcept {
  if (offset >= string_table_.sh_size) return {};
  return text(string_table_.sh_offset + offset, string_table_.sh_offset + string_table_.sh_size);
}

std::optional<std::uint64_t> ElfImage::offset_of(std::uint64_t address,
                                                 std::uint64_t size) const noexcept {
  for (const Elf64_Phdr& s : segments_) {
    if (s.p_type != PT_LOAD || address < s.p_vaddr) continue;
    const std::uint64_t into = address - s.p_vaddr;
    if (into <= s.p_filesz && size <= s.p_filesz - into) return s.p_offset + into;
  }
  return std::nullopt;
}

bool ElfImage::mapped(std::uint64_t address, std::uint64_t size) const noexcept {
  return std::ranges::any_of(segments_, [&](const Elf64_Phdr& s) {
    if (s.p_type != PT_LOAD || address < s.p_vaddr) return false;
    const std::uint64_t into = address - s.p_vaddr;
    return into <= s.p_memsz && size <= s.p_memsz - into;
  });
}

std::vector<std::uint64_t> ElfImage::dynamic(std::int64_t tag) const {
  std::vector<std::uint64_t> values;
  for (const Elf64_Dyn& entry : dynamic_)
    if (entry.d_tag == tag) values.push_back(entry.d_un.d_val);
  return values;
}

std::optional<std::uint64_t> ElfImage::dynamic_one(std::int64_t tag) const {
  const auto values = dynamic(tag);
  return values.empty() ? std::nullopt : std::optional(values.front());
}

Result<void> ElfImage::at_most(std::uint64_t count, std::uint64_t most, const char* what) const {
  if (count <= most) return {};
  return refuse(PluginFault::format_corrupt, "has " + std::to_string(count) + " " + what +
                                                 ", at most " + std::to_string(most) +
                                                 " are looked at");
}

Result<void> ElfImage::read_header() {
  const auto header = at<Elf64_Ehdr>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return refuse(PluginFault::format_not_elf, "is not a shared library (no ELF header)");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
    return refuse(PluginFault::format_wrong_class, "is not a 64-bit little-endian ELF file");
  if (header->e_machine != EM_X86_64)
    return refuse(PluginFault::format_wrong_machine,
                  "was built for ELF machine " + std::to_string(header->e_machine) +
                      "; this host is x86-64 (" + std::to_string(EM_X86_64) + ")");
  if (header->e_type != ET_DYN)
    return refuse(PluginFault::format_not_elf, "is no shared library: its ELF type is " +
                                                   std::to_string(header->e_type) + ", expected " +
                                                   std::to_string(ET_DYN) + " (DYN)");
  header_ = *header;
  return {};
}

Result<void> ElfImage::read_segments() {
  if (header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0)
    return refuse(PluginFault::format_corrupt, "has no usable program headers");
  if (auto few = at_most(header_.e_phnum, segments_max, "program headers"); !few) return few;
  for (unsigned i = 0; i < header_.e_phnum; ++i) {
    const auto segment = at<Elf64_Phdr>(header_.e_phoff + std::uint64_t{i} * sizeof(Elf64_Phdr));
    if (!segment)
      return refuse(PluginFault::format_truncated, "its program headers end beyond the file");
    if (segment->p_type != PT_GNU_STACK && !holds(segment->p_offset, segment->p_filesz))
      return refuse(PluginFault::format_truncated,
                    "a segment ends at byte " +
                        std::to_string(segment->p_offset + segment->p_filesz) + " of a file of " +
                        std::to_string(bytes_.size()) + "; was it copied whole?");
    if (segment->p_type == PT_LOAD && segment->p_memsz < segment->p_filesz)
      return refuse(PluginFault::format_corrupt, "a segment is smaller in memory than in the file");
    if (segment->p_type == PT_NOTE)
      if (auto few = at_most(note_bytes_ += segment->p_filesz, note_bytes_max, "bytes of notes");
          !few)
        return few;
    segments_.push_back(*segment);
  }
  return {};
}

Result<void> ElfImage::read_sections() {
  if (header_.e_shentsize != sizeof(Elf64_Shdr) || header_.e_shnum == 0 ||
      !holds(header_.e_shoff, std::uint64_t{header_.e_shnum} * sizeof(Elf64_Shdr)))
    return refuse(PluginFault::format_truncated,
                  "its section headers end beyond the file; was it copied whole?");
  const auto section = [&](std::uint64_t index) {
    return *at<Elf64_Shdr>(header_.e_shoff + index * sizeof(Elf64_Shdr));
  };
  bool found = false;
  for (unsigned i = 0; i < header_.e_shnum; ++i) {
    const Elf64_Shdr one = section(i);
    if (one.sh_type != SHT_NOBITS && !holds(one.sh_offset, one.sh_size))
      return refuse(PluginFault::format_truncated,
                    "a section ends beyond the file; was it copied whole?");
    if (one.sh_type != SHT_DYNSYM) continue;
    if (found || one.sh_link >= header_.e_shnum || one.sh_entsize != sizeof(Elf64_Sym))
      return refuse(PluginFault::format_corrupt, "its table of dynamic symbols is malformed");
    symbol_table_ = one;
    string_table_ = section(one.sh_link);
    found = true;
  }
  if (!found) return refuse(PluginFault::format_entry_missing, "has no dynamic symbols");
  if (string_table_.sh_type != SHT_STRTAB || string_table_.sh_size == 0 ||
      bytes_[string_table_.sh_offset + string_table_.sh_size - 1] != '\0')
    return refuse(PluginFault::format_corrupt, "its table of dynamic strings is malformed");
  return at_most(symbol_table_.sh_size / sizeof(Elf64_Sym), symbols_max, "dynamic symbols");
}

Result<void> ElfImage::read_dynamic() {
  const auto is_dynamic = [](const Elf64_Phdr& s) { return s.p_type == PT_DYNAMIC; };
  const auto segment = std::ranges::find_if(segments_, is_dynamic);
  if (segment == segments_.end() || std::ranges::count_if(segments_, is_dynamic) != 1 ||
      offset_of(segment->p_vaddr, segment->p_filesz) != segment->p_offset)
    return refuse(PluginFault::format_corrupt, "its dynamic table is missing or misplaced");
  for (std::uint64_t i = 0; (i + 1) * sizeof(Elf64_Dyn) <= segment->p_filesz; ++i) {
    const auto entry = *at<Elf64_Dyn>(segment->p_offset + i * sizeof(Elf64_Dyn));
    if (entry.d_tag == DT_NULL) return {};
    if (auto few = at_most(i + 1, dynamic_max, "entries in its dynamic table"); !few) return few;
    // The loader takes the last of each, whoever reads in order the first.
    if (entry.d_tag != DT_NEEDED && dynamic_one(entry.d_tag))
      return refuse(PluginFault::format_corrupt,
                    "its dynamic table has two entries of tag " + std::to_string(entry.d_tag));
    dynamic_.push_back(entry);
  }
  return refuse(PluginFault::format_corrupt, "its dynamic table has no end");
}

/// The loader follows these addresses without looking where they lead.
Result<void> ElfImage::check_dynamic() const {
  const auto leads_to = [&](std::int64_t tag, std::uint64_t size) {
    const auto address = dynamic_one(tag);
    return address ? offset_of(*address, size) : std::nullopt;
  };
  if (leads_to(DT_SYMTAB, symbol_table_.sh_size) != symbol_table_.sh_offset)
    return refuse(PluginFault::format_corrupt,
                  "its dynamic table and its sections disagree about the symbols");
  if (leads_to(DT_STRTAB, string_table_.sh_size) != string_table_.sh_offset ||
      dynamic_one(DT_STRSZ) != string_table_.sh_size)
    return refuse(PluginFault::format_corrupt,
                  "its dynamic table and its sections disagree about the strings");
  constexpr std::array sized = {std::pair(DT_RELA, DT_RELASZ), std::pair(DT_JMPREL, DT_PLTRELSZ),
                                std::pair(DT_INIT_ARRAY, DT_INIT_ARRAYSZ),
                                std::pair(DT_FINI_ARRAY, DT_FINI_ARRAYSZ)};
  for (const auto& [tag, size_tag] : sized)
    if (const auto size = dynamic_one(size_tag); size && *size > 0 && !leads_to(tag, *size))
      return refuse(PluginFault::format_corrupt, "an entry of its dynamic table (tag " +
                                                     std::to_string(tag) +
                                                     ") leads out of its segments");
  for (const std::int64_t tag : {std::int64_t{DT_HASH}, std::int64_t{DT_GNU_HASH},
                                 std::int64_t{DT_VERSYM}, std::int64_t{DT_VERNEED}})
    if (dynamic_one(tag) && !leads_to(tag, sizeof(std::uint32_t)))
      return refuse(PluginFault::format_corrupt, "an entry of its dynamic table (tag " +
                                                     std::to_string(tag) +
                                                     ") leads out of its segments");
  return {};
}

void ElfImage::read_symbols() {
  const std::uint64_t count = symbol_table_.sh_size / sizeof(Elf64_Sym);
  for (std::uint64_t i = 1; i < count; ++i) {  // the first is empty by definition
    const auto symbol = *at<Elf64_Sym>(symbol_table_.sh_offset + i * sizeof(Elf64_Sym));
    symbols_.push_back({string(symbol.st_name),
                        static_cast<unsigned char>(ELF64_ST_BIND(symbol.st_info)),
                        static_cast<unsigned char>(ELF64_ST_TYPE(symbol.st_info)),
                        static_cast<unsigned char>(ELF64_ST_VISIBILITY(symbol.st_other)),
                        symbol.st_shndx != SHN_UNDEF, symbol.st_value});
  }
}

std::string ElfImage::hexadecimal(std::uint64_t offset, std::uint64_t size) const {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes_.subspan(offset, size)) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

void ElfImage::read_notes(const Elf64_Phdr& segment) {
  std::uint64_t at_byte = segment.p_offset;
  const std::uint64_t end = segment.p_offset + segment.p_filesz;
  while (at_byte < end && end - at_byte >= sizeof(Elf64_Nhdr)) {
    const auto head = *at<Elf64_Nhdr>(at_byte);
    const std::uint64_t size = sizeof(Elf64_Nhdr) + padded(head.n_namesz) +
                               padded(head.n_descsz);  // 32 bits each: no wrap
    if (size > end - at_byte) return;
    if (head.n_type == NT_GNU_BUILD_ID && build_id_.empty() && head.n_descsz <= build_id_max &&
        text(at_byte + 12, end) == ELF_NOTE_GNU)
      build_id_ = hexadecimal(at_byte + size - padded(head.n_descsz), head.n_descsz);
    if (!note_ && size == sizeof(capi_note) && head.n_type == 1 &&
        text(at_byte + 12, end) == "CallerAPI")
      note_ = at<capi_note>(at_byte);
    at_byte += size;
  }
}

Result<ElfImage> ElfImage::read(std::span<const char> bytes, const std::string& file) {
  ElfImage image(bytes, file);
  using Step = Result<void> (ElfImage::*)();
  for (const Step step : {Step{&ElfImage::read_header}, Step{&ElfImage::read_segments},
                          Step{&ElfImage::read_sections}, Step{&ElfImage::read_dynamic}})
    if (auto done = (image.*step)(); !done) return std::move(done).error();
  if (auto sound = image.check_dynamic(); !sound) return std::move(sound).error();
  image.read_symbols();
  for (const Elf64_Phdr& segment : image.segments_)
    if (segment.p_type == PT_NOTE && segment.p_align <= 4) image.read_notes(segment);
  return image;
}

}  // namespace callerapi::host
