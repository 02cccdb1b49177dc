#include "host/upgrade.hpp"

#include "catalogue/contract.hpp"
#include "host/faults.hpp"
#include "host/library.hpp"

namespace callerapi::host {
namespace {

// A copy costs 30 to 230 KiB of memory and a descriptor: enough for a month of daily upgrades.
constexpr std::size_t zombies_max = 32;

}  // namespace

Result<void> check_upgrade(const catalogue::PluginTables& running,
                           const catalogue::PluginTables& next, const std::string& file,
                           bool allow_downgrade) {
  if (next.id != running.id)
    return rejected(file, PluginFault::descriptor_id_mismatch,
                    "is plugin '" + next.id + "', but '" + running.id +
                        "' is running from this file; name another plugin in the registry to "
                        "replace it");
  if (catalogue::compare_versions(next.version, running.version) < 0) {
    if (allow_downgrade) return {};  // going back takes back what was added: the break is meant
    return rejected(file, PluginFault::contract_downgrade,
                    "is version " + next.version + ", below the running " + running.version +
                        "; set allow_downgrade = true to go back");
  }
  if (catalogue::announces_break(running.version, next.version)) return {};
  const std::string what = catalogue::contract_break(running, next);
  if (what.empty()) return {};
  return rejected(file, PluginFault::contract_break,
                  "version " + next.version + " breaks callers of the running " + running.version +
                      ": " + what + "; raise the major version");
}

Result<void> check_zombies(const std::string& id, const std::string& file) {
  const std::size_t stay = zombies(id);
  if (stay < zombies_max) return {};
  return rejected(file, PluginFault::unload_zombie,
                  std::to_string(stay) + " retired copies of plugin '" + id +
                      "' could not be unmapped, at most " + std::to_string(zombies_max) +
                      "; restart the process");
}

}  // namespace callerapi::host
