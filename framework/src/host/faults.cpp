#include "host/faults.hpp"

#include <array>

namespace callerapi::host {
namespace {

constexpr std::array rows = {
#define CALLERAPI_PLUGIN_FAULT(name, when, mend) PluginFaultRow{#name, when, mend},
#include "host/faults.inc"
#undef CALLERAPI_PLUGIN_FAULT
};

}  // namespace

std::span<const PluginFaultRow> plugin_faults() noexcept { return rows; }

std::string_view name(PluginFault fault) noexcept {
  return rows[static_cast<std::size_t>(fault)].name;
}

std::string plugin_errors_reference() {
  std::string out =
      "# Plugin errors\n\n"
      "Generated from `framework/src/host/faults.inc`; a test fails when they differ. The code is "
      "the\n`reason` of an error with outcome `plugin_rejected`, and of `plugin_error` where the "
      "meaning begins\nwith \"a call\". Codes are stable; what follows a colon in a code "
      "(`probe_crashed:SIGSEGV`) is detail.\n\n"
      "| code | meaning | what to do |\n|---|---|---|\n";
  for (const PluginFaultRow& row : rows)
    out.append("| `")
        .append(row.name)
        .append("` | ")
        .append(row.when)
        .append(" | ")
        .append(row.mend)
        .append(" |\n");
  return out;
}

Error rejected(std::string_view file, PluginFault fault, std::string_view text) {
  return {.outcome = Outcome::plugin_rejected,
          .reason = std::string(name(fault)),
          .message = std::string(file).append(": ").append(text)};
}

}  // namespace callerapi::host
