#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/abi/v1.h"
#include "callerapi/result.hpp"
#include "host/faults.hpp"

namespace callerapi::host {

struct ElfSymbol {
  std::string_view name;
  unsigned char bind = 0, type = 0, visibility = 0;
  bool defined = false;
  std::uint64_t value = 0;
};

/// A shared library read as bytes: nothing is mapped or run, and every read is checked against the
/// end of the file. Views point into the bytes.
class ElfImage {
 public:
  /// Checks what the loader would trust: the header, that segments and sections lie inside the
  /// file, and that the dynamic table names the very tables that the sections name. Errors:
  /// format_*.
  static Result<ElfImage> read(std::span<const char> bytes, const std::string& file);

  std::span<const Elf64_Phdr> segments() const noexcept { return segments_; }
  std::span<const ElfSymbol> symbols() const noexcept { return symbols_; }
  /// Values of one tag of the dynamic table, in order.
  std::vector<std::uint64_t> dynamic(std::int64_t tag) const;
  std::optional<std::uint64_t> dynamic_one(std::int64_t tag) const;
  /// A text of the dynamic string table, its first 4,096 bytes; empty when it lies outside.
  std::string_view string(std::uint64_t offset) const noexcept;
  /// The first note of that owner and type whose content has the wanted size.
  const std::optional<capi_note>& note() const noexcept { return note_; }
  /// The linker's name for this build, in hexadecimal; empty when there is none.
  const std::string& build_id() const noexcept { return build_id_; }
  /// Is [address, address + size) inside one loaded segment?
  bool mapped(std::uint64_t address, std::uint64_t size) const noexcept;

 private:
  ElfImage(std::span<const char> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

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
  std::string_view text(std::uint64_t begin, std::uint64_t end) const noexcept;
  Error refuse(PluginFault fault, const std::string& text) const {
    return rejected(file_, fault, text);
  }
  /// Where the bytes of a loaded address lie in the file.
  std::optional<std::uint64_t> offset_of(std::uint64_t address, std::uint64_t size) const noexcept;

  Result<void> at_most(std::uint64_t count, std::uint64_t most, const char* what) const;
  Result<void> read_header();
  Result<void> read_segments();
  Result<void> read_sections();
  Result<void> read_dynamic();
  Result<void> check_dynamic() const;
  void read_symbols();
  std::string hexadecimal(std::uint64_t offset, std::uint64_t size) const;
  void read_notes(const Elf64_Phdr& segment);

  std::span<const char> bytes_;
  std::string file_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  std::uint64_t note_bytes_ = 0;  ///< Of all segments of notes.
  Elf64_Shdr symbol_table_{}, string_table_{};
  std::vector<Elf64_Dyn> dynamic_;
  std::vector<ElfSymbol> symbols_;
  std::optional<capi_note> note_;
  std::string build_id_;
};

}  // namespace callerapi::host
