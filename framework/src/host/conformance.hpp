#pragma once

#include <optional>
#include <vector>

#include "callerapi/plugin_file.hpp"
#include "host/plugin_file.hpp"
#include "host/prober.hpp"

namespace callerapi::host {

/// The conformance kit: what the loader would refuse, what it would warn of, then the checks of
/// callerapi-probe, each in a process of its own. When the loader would refuse it, the rest is
/// skipped. `config` as check_plugin() takes it.
std::vector<PluginCheck> run_checks(const SealedFile& file, const Prober& prober,
                                    const std::optional<PluginConfig>& config = std::nullopt);

}  // namespace callerapi::host
