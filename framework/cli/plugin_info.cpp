#include <iostream>

#include "callerapi/plugin_file.hpp"
#include "list.hpp"
#include "plugin.hpp"

namespace callerapi::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out.empty() ? "-" : out;
}

/// 100020003 is "1.2.3".
std::string unpacked(std::uint64_t version) {
  return std::to_string(version / 100'000'000) + "." + std::to_string(version / 10'000 % 10'000) +
         "." + std::to_string(version % 10'000);
}

void print(const PluginFile& file, const Result<PluginContract>& contract) {
  print_table({{"file", file.file},
               {"id", file.id},
               {"version", file.version},
               {"owner", contract ? contract->owner : "-"},
               {"abi", std::to_string(file.abi_major) + "." + std::to_string(file.abi_minor)},
               {"min host", unpacked(file.min_host_version)},
               {"compiler", file.compiler},
               {"build-id", file.build_id.empty() ? "-" : file.build_id},
               {"sha256", file.sha256},
               {"bytes", std::to_string(file.bytes)},
               {"needs", joined(file.needed)},
               {"hooks", contract ? joined(contract->hooks) : "-"}});
  for (const std::string& warning : file.warnings) std::cout << "warning: " << warning << '\n';
  if (!contract) return;
  std::cout << '\n';
  print_endpoints(contract->endpoints);
}

void print_json(const PluginFile& file, const Result<PluginContract>& contract) {
  json::Writer out;
  const auto list = [&](const char* name, const std::vector<std::string>& words) {
    out.key(name).begin_array();
    for (const std::string& word : words) out.value(word);
    out.end_array();
  };
  out.begin_object()
      .member("schema", "callerapi.plugin.info/1")
      .member("file", file.file)
      .member("id", file.id)
      .member("version", file.version)
      .member("abi_major", file.abi_major)
      .member("abi_minor", file.abi_minor)
      .member("min_host_version", unpacked(file.min_host_version))
      .member("compiler", file.compiler)
      .member("build_id", file.build_id)
      .member("sha256", file.sha256)
      .member("bytes", file.bytes);
  list("needed", file.needed);
  list("warnings", file.warnings);
  if (contract) {
    out.member("owner", contract->owner);
    list("hooks", contract->hooks);
    write_endpoints(out, contract->endpoints);
  } else {
    out.member("not_loaded", contract.error().message);
  }
  out.end_object();
  std::cout << out.text() << '\n';
}

}  // namespace

int run_plugin_info(const Common& common, const std::string& file) {
  const auto found = inspect_plugin(file);
  if (!found) return report(found.error());
  const auto contract = describe_plugin(file);
  common.json ? print_json(*found, contract) : print(*found, contract);
  return contract ? 0 : common.json ? exit_code(contract.error()) : report(contract.error());
}

}  // namespace callerapi::cli
