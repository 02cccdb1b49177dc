#include "host/conformance.hpp"

#include <array>
#include <string>
#include <utility>

#include "host/plugin_report.hpp"

namespace callerapi::host {
namespace {

using Verdict = PluginCheck::Verdict;

/// A check that callerapi-probe knows by this name, and where to look when it dies of it.
struct Task {
  const char* name;
  const char* hint;
};
constexpr std::array tasks = {
    Task{"scan", "what does a static constructor do?"},
    Task{"create", "what does create() or destroy() touch, the first time or again?"},
    Task{"hooks", "hooks run on several threads at once: what do they share?"},
    Task{"refused", "a host may refuse any question: does a hook look at what it answered?"},
    Task{"borrowed",
         "what a hook is lent may not be read after it has returned: what does it keep?"},
    Task{"budget", "what does a hook wait for?"},
    Task{"reload", "what does it leave behind that runs after it was unloaded?"},
    Task{"twins", "what do two copies share?"}};

/// "file: what is wrong" without the file, which the heading names.
std::string bare(const std::string& message, const std::string& file) {
  const std::string prefix = file + ": ";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
}

std::string coded(const Error& error, const std::string& file) {
  return error.reason + ": " + bare(error.message, file);
}

/// As callerapi-probe reads it; empty: none is given.
std::string words(const std::optional<PluginConfig>& config) {
  if (!config) return {};
  json::Writer out;
  out.begin_object();
  for (const auto& [key, value] : *config) out.member(key, value);
  out.end_object();
  return out.take();
}

PluginCheck run_task(const SealedFile& file, const Prober& prober, const Task& task,
                     const std::string& config) {
  const std::string shown = file.path.string();
  auto answer = prober.ask(file, task.name, config);
  if (answer) {
    const json::View root = answer->root();
    const json::View verdict = root.find("verdict"), text = root.find("text");
    const std::string_view word = verdict ? verdict.string().value_or("") : "";
    PluginCheck check{task.name, Verdict::failed,
                      std::string(text ? text.string().value_or("") : "no verdict")};
    if (word == "passed") check.verdict = Verdict::passed;
    if (word == "skipped") check.verdict = Verdict::skipped;
    return check;
  }
  const Error& error = answer.error();
  std::string text = coded(error, shown);
  constexpr std::string_view crashed = "probe_crashed:";
  if (error.reason.starts_with(crashed))
    text = "killed its process by " + error.reason.substr(crashed.size()) + "; " + task.hint;
  return {task.name, Verdict::failed, std::move(text)};
}

}  // namespace

std::vector<PluginCheck> run_checks(const SealedFile& file, const Prober& prober,
                                    const std::optional<PluginConfig>& config) {
  const std::string shown = file.path.string();
  std::vector<PluginCheck> all;
  const auto skip_rest = [&](const char* why) {
    for (const Task& task : tasks) all.push_back({task.name, Verdict::skipped, why});
  };
  const auto inspected = inspect(file);
  if (!inspected) {
    all.push_back({"file", Verdict::failed, coded(inspected.error(), shown)});
    all.push_back({"load", Verdict::skipped, "the file is refused"});
    skip_rest("the file is refused");
    return all;
  }
  const PluginNote& note = inspected->note;
  all.push_back({"file", Verdict::passed, note.id + " " + note.version + ", " + note.compiler});
  for (const std::string& warning : inspected->warnings)
    all.push_back({"file", Verdict::warned, bare(warning, shown)});
  const auto described = prober.describe(file);
  if (!described) {
    all.push_back({"load", Verdict::failed, coded(described.error(), shown)});
    skip_rest("it does not load");
    return all;
  }
  if (auto same = compare(note, described->tables, shown); !same) {
    all.push_back({"load", Verdict::failed, coded(same.error(), shown)});
    skip_rest("it does not load");
    return all;
  }
  all.push_back({"load", Verdict::passed, "in a child process, with create() and destroy()"});
  const std::string given = words(config);
  for (const Task& task : tasks) all.push_back(run_task(file, prober, task, given));
  return all;
}

}  // namespace callerapi::host
