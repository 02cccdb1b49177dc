#include "registry/install_steps.hpp"

#include <algorithm>
#include <utility>

#include "callerapi/json.hpp"
#include "registry/toml_file.hpp"

namespace callerapi::registry {
namespace {

/// A text of JSON is one of TOML.
void add(std::string& out, const char* key, const std::string& value) {
  json::Writer text;
  text.value(value);
  out += std::string(key) + " = " + text.take() + "\n";
}

std::string text_of(const Node& step, std::string_view key) {
  const Node* found = step.find(key);
  return found != nullptr && found->kind == Node::Kind::text ? found->text : std::string();
}

}  // namespace

std::size_t step_of(const InstallSteps& steps, const PluginText& words) noexcept {
  const auto found = std::ranges::find(steps, words, &InstallStep::words);
  return static_cast<std::size_t>(found - steps.begin());
}

InstallSteps installed(InstallSteps steps, InstallStep now, InstallStep next) {
  const std::size_t in_force = step_of(steps, now.words);
  if (in_force < steps.size())
    steps.erase(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(in_force));
  else
    steps.insert(steps.begin(), std::move(now));
  std::erase_if(steps, [&](const InstallStep& step) { return step.words == next.words; });
  steps.insert(steps.begin(), std::move(next));
  if (steps.size() > install_steps_max) steps.resize(install_steps_max);
  return steps;
}

std::string format_steps(const std::string& service, const InstallSteps& steps) {
  std::string out = "# What services." + service +
                    " named, the latest first; `callerapi plugin rollback " + service +
                    "` reads it.\n";
  for (const InstallStep& step : steps) {
    out += "[[step]]\n";
    add(out, "plugin", step.plugin);
    add(out, "version", step.version);
    if (!step.at.empty()) add(out, "at", step.at);
    if (!step.file_sha256.empty()) add(out, "file_sha256", step.file_sha256);
    add(out, "plugin_text", step.words.plugin);
    if (step.words.sha256) add(out, "sha256_text", *step.words.sha256);
  }
  return out;
}

Result<InstallSteps> parse_steps(std::string_view text, const std::string& shown_name) {
  auto root = parse_toml(text, shown_name);
  if (!root) return std::move(root).error();
  InstallSteps steps;
  if (const Node* list = root->find("step"))
    for (const Node& step : list->members) {
      InstallStep one{.words = {text_of(step, "plugin_text"), {}},
                      .plugin = text_of(step, "plugin"),
                      .file_sha256 = text_of(step, "file_sha256"),
                      .version = text_of(step, "version"),
                      .at = text_of(step, "at")};
      if (step.find("sha256_text") != nullptr) one.words.sha256 = text_of(step, "sha256_text");
      if (!one.words.plugin.empty()) steps.push_back(std::move(one));
    }
  if (steps.empty())
    return Error{.outcome = Outcome::registry_invalid,
                 .reason = "no_record",
                 .message = shown_name + ": holds no step to go back to"};
  return steps;
}

}  // namespace callerapi::registry
