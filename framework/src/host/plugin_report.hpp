#pragma once

#include <string>

#include "callerapi/plugin_file.hpp"
#include "catalogue/tables.hpp"
#include "host/elf_preflight.hpp"
#include "host/plugin_file.hpp"

namespace callerapi::host {

/// The bytes of a file that nobody is about to load: its mode and owner do not count.
Result<SealedFile> seal_for_report(const std::string& file);
/// Checks sealed bytes where they lie. Errors: those of preflight().
Result<Inspection> inspect(const SealedFile& sealed);
/// The descriptor must say what the note said, on which the file was accepted. Errors:
/// descriptor_note_mismatch.
Result<void> compare(const PluginNote& note, const catalogue::PluginTables& tables,
                     const std::string& file);
Result<PluginFile> report(const SealedFile& sealed);

}  // namespace callerapi::host
