// Files that no linker makes: a sound plugin with one thing spoiled. The loader would die of some
// of them, so they must not come that far.
#include <elf.h>

#include <cstring>

#include "stage.hpp"

namespace callerapi::hostile {
namespace {

/// The struct at `offset` of a file, to be changed in place.
template <class T>
T* at(std::string& file, std::uint64_t offset) {
  return reinterpret_cast<T*>(file.data() + offset);
}

Elf64_Phdr* segment(std::string& file, std::uint32_t type, std::uint32_t flags = 0) {
  const auto* header = at<Elf64_Ehdr>(file, 0);
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    auto* one = at<Elf64_Phdr>(file, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (one->p_type == type && (one->p_flags & flags) == flags) return one;
  }
  return nullptr;
}

Elf64_Dyn* dynamic(std::string& file, std::int64_t tag) {
  for (auto* entry = at<Elf64_Dyn>(file, segment(file, PT_DYNAMIC)->p_offset);; ++entry)
    if (entry->d_tag == tag) return entry;
}

/// Appends a segment of its own, in place of the word about the stack. Answers where it begins.
std::uint64_t append(std::string& file, std::uint32_t type, const std::string& bytes) {
  const std::uint64_t from = (file.size() + 4095) / 4096 * 4096;
  file.resize(from);
  file += bytes;
  *segment(file, PT_GNU_STACK) = {.p_type = type,
                                  .p_flags = PF_R,
                                  .p_offset = from,
                                  .p_vaddr = 1u << 28,
                                  .p_paddr = 1u << 28,
                                  .p_filesz = bytes.size(),
                                  .p_memsz = bytes.size(),
                                  .p_align = type == PT_NOTE ? 4u : 4096u};
  return from;
}

/// Hundreds of thousands of symbols whose names have no end for megabytes: hours to look at.
void give_endless_names(std::string& file) {
  const std::string symbols(8u << 20, '\1'), names = std::string((24u << 20) - 1, 'x') + '\0';
  const std::uint64_t from = append(file, PT_LOAD, symbols + names);
  const auto* header = at<Elf64_Ehdr>(file, 0);
  const auto section = [&](std::uint64_t index) {
    return at<Elf64_Shdr>(file, header->e_shoff + index * sizeof(Elf64_Shdr));
  };
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    Elf64_Shdr* one = section(i);
    if (one->sh_type != SHT_DYNSYM) continue;
    one->sh_offset = from;
    one->sh_size = symbols.size();
    section(one->sh_link)->sh_offset = from + symbols.size();
    section(one->sh_link)->sh_size = names.size();
  }
  dynamic(file, DT_SYMTAB)->d_un.d_ptr = 1u << 28;
  dynamic(file, DT_STRTAB)->d_un.d_ptr = (1u << 28) + symbols.size();
  dynamic(file, DT_STRSZ)->d_un.d_val = names.size();
}

struct Patch {
  const char* label;
  const char* reason;
  const char* text;  ///< A part of the message.
  void (*spoil)(std::string& file);
};
void PrintTo(const Patch& one, std::ostream* out) { *out << one.label; }
class Patched : public Stage, public ::testing::WithParamInterface<Patch> {};

TEST_P(Patched, IsRefusedWhileTheOthersServe) {
  Caller caller = open_good();
  const Traffic traffic(caller, "good", "1/1");
  std::string bytes = built("sound");
  GetParam().spoil(bytes);
  install("bad", bytes);
  registry(service("bad") + service("good"));

  const auto reloaded = caller.reload();

  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().reason, GetParam().reason) << reloaded.error().message;
  EXPECT_NE(reloaded.error().message.find(GetParam().text), std::string::npos)
      << reloaded.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    , Patched,
    ::testing::Values(
        Patch{"WrongClass", "format_wrong_class", "is not a 64-bit little-endian ELF file",
              [](std::string& file) { file[EI_CLASS] = ELFCLASS32; }},
        Patch{"WrongMachine", "format_wrong_machine",
              "was built for ELF machine 183; this host is x86-64 (62)",
              [](std::string& file) { at<Elf64_Ehdr>(file, 0)->e_machine = EM_AARCH64; }},
        Patch{"ObjectFile", "format_not_elf", "its ELF type is 1, expected 3 (DYN)",
              [](std::string& file) { at<Elf64_Ehdr>(file, 0)->e_type = ET_REL; }},
        Patch{"WithoutItsLastByte", "format_truncated", "was it copied whole?",
              [](std::string& file) { file.pop_back(); }},
        Patch{"WithoutItsSectionHeaders", "format_truncated", "its section headers end beyond",
              [](std::string& file) { file.resize(at<Elf64_Ehdr>(file, 0)->e_shoff); }},
        Patch{"StringsElsewhere", "format_corrupt",
              "its dynamic table and its sections disagree about the strings",
              [](std::string& file) { dynamic(file, DT_STRTAB)->d_un.d_ptr = 0x7fff'ffff'0000; }},
        Patch{"StringsTwice", "format_corrupt", "its dynamic table has two entries of tag 5",
              [](std::string& file) { dynamic(file, DT_RELACOUNT)->d_tag = DT_STRTAB; }},
        Patch{"HashTableElsewhere", "format_corrupt", "leads out of its segments",
              [](std::string& file) { dynamic(file, DT_GNU_HASH)->d_un.d_ptr += 1u << 30; }},
        Patch{"EndlessNames", "format_corrupt",
              "has 349525 dynamic symbols, at most 65536 are looked at", &give_endless_names},
        Patch{"MegabytesOfNotes", "format_corrupt", " bytes of notes, at most 65536 are looked at",
              [](std::string& file) { append(file, PT_NOTE, std::string(32u << 20, '\0')); }},
        Patch{"ThousandsOfSegments", "format_corrupt",
              "has 60000 program headers, at most 256 are looked at",
              [](std::string& file) {
                const std::string headers(60'000 * sizeof(Elf64_Phdr), '\0');
                const std::uint64_t from = append(file, PT_NULL, headers);
                at<Elf64_Ehdr>(file, 0)->e_phoff = from;
                at<Elf64_Ehdr>(file, 0)->e_phnum = 60'000;
              }},
        Patch{"SectionsOutside", "format_truncated", "its section headers end beyond the file",
              [](std::string& file) { at<Elf64_Ehdr>(file, 0)->e_shoff = ~std::uint64_t{0} - 64; }},
        Patch{"SegmentsOutside", "format_truncated", "its program headers end beyond the file",
              [](std::string& file) { at<Elf64_Ehdr>(file, 0)->e_phoff = ~std::uint64_t{0} - 56; }},
        Patch{"WritableCode", "policy_writable_code", "has a segment both writable and executable",
              [](std::string& file) { segment(file, PT_LOAD, PF_X)->p_flags |= PF_W; }},
        Patch{"NoWordAboutTheStack", "policy_executable_stack", "asks for an executable stack",
              [](std::string& file) { segment(file, PT_GNU_STACK)->p_type = PT_NULL; }}),
    [](const auto& one) { return std::string(one.param.label); });

}  // namespace
}  // namespace callerapi::hostile
