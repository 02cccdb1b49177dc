#include "host/prober.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <exception>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/signals.hpp"
#include "callerapi/json.hpp"
#include "host/spawn.hpp"

namespace callerapi::host {
namespace {

// A probe waits for the loader more than it computes: a few at once halve the time of an open.
constexpr std::size_t at_once_max = 4;
// Passes of one process. More files than that are an endless upgrade: begin anew.
constexpr std::size_t passes_max = 4096;

/// What has passed, by sha256: a fact about the bytes and this host's ABI, so for all Callers.
class Passes {
 public:
  static Passes& of_process() {
    static Passes* const passes = new Passes;
    return *passes;
  }
  std::optional<std::uint64_t> find(const std::string& sha256) {
    base::Lock lock(mutex_);
    const auto found = passed_.find(sha256);
    return found == passed_.end() ? std::nullopt : std::optional(found->second);
  }
  void add(const std::string& sha256, std::uint64_t fingerprint) {
    base::Lock lock(mutex_);
    if (passed_.size() >= passes_max) passed_.clear();
    passed_[sha256] = fingerprint;
  }

 private:
  base::Mutex mutex_;
  std::map<std::string, std::uint64_t> passed_ CALLERAPI_GUARDED_BY(mutex_);
};

void anchor() {}

/// The folder of the library, or program, that this code is part of.
std::filesystem::path own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&anchor), &info) == 0 || info.dli_fname == nullptr)
    return {};
  std::error_code failed;
  // A program started through PATH is known by a bare name.
  auto file = std::filesystem::canonical(info.dli_fname, failed);
  if (failed) file = std::filesystem::canonical("/proc/self/exe", failed);
  return file.parent_path();
}

/// What a child says goes to a log: no control bytes.
std::string clean(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  return out;
}

/// The object that the child wrote; its refusal as an error.
Result<json::Document> read_answer(const std::string& file, const std::string& text) {
  const auto odd = [&] {
    return rejected(file, PluginFault::probe_failed,
                    "callerapi-probe gave no verdict (" + std::to_string(text.size()) +
                        " bytes); is it of this version?");
  };
  auto parsed = json::Document::parse(text);
  if (!parsed || parsed->root().kind() != json::Kind::object) return odd();
  const json::View reason = parsed->root().find("reason"), message = parsed->root().find("message");
  if (!reason) return parsed;
  if (!reason.string() || !message || !message.string()) return odd();
  return Error{.outcome = Outcome::plugin_rejected,
               .reason = clean(*reason.string()),
               .message = file + ": " + clean(*message.string())};
}

Result<std::uint64_t> read_fingerprint(const std::string& file, json::View root) {
  const json::View found = root.find("fingerprint");
  const std::string_view print = found ? found.string().value_or("") : "";
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(print.data(), print.data() + print.size(), value, 16);
  if (print.empty() || failed != std::errc() || end != print.data() + print.size())
    return rejected(file, PluginFault::probe_failed,
                    "callerapi-probe gave no fingerprint; is it of this version?");
  return value;
}

}  // namespace

Prober::Prober(const std::string& program) : program_(program), looked_for_(program) {
  if (!program_.empty()) return;
  const auto folder = own_folder();
  for (const auto& place : {folder / "callerapi", folder.parent_path() / "lib" / "callerapi"}) {
    const auto file = place / "callerapi-probe";
    looked_for_ += (looked_for_.empty() ? "" : " and ") + file.string();
    if (program_.empty() && ::access(file.c_str(), X_OK) == 0) program_ = file.string();
  }
}

Result<std::string> Prober::spawn(const SealedFile& file, const std::string& task,
                                  const std::string& config) const {
  const std::string shown = file.path.string();
  // Loading it without a probe would give up in silence what the probe is there for.
  if (program_.empty() || ::access(program_.c_str(), X_OK) != 0)
    return rejected(shown, PluginFault::probe_missing,
                    "cannot be probed: no program at " + looked_for_ +
                        "; install callerapi-probe or set Options::probe");
  auto said = spawn_and_read(program_, file.fd.get(), task, config);
  if (!said) return rejected(shown, PluginFault::probe_failed, said.error().message);
  return said;
}

Result<json::Document> Prober::ask(const SealedFile& file, const std::string& task,
                                   const std::string& config) const {
  auto said = spawn(file, task, config);
  if (!said) return std::move(said).error();
  return read_answer(file.path.string(), *said);
}

Result<Described> Prober::describe(const SealedFile& file) const {
  auto answer = ask(file, "describe");
  if (!answer) return std::move(answer).error();
  return read_description(answer->root());
}

Result<std::uint64_t> Prober::run(const SealedFile& file) const {
  auto answer = ask(file, "");
  if (!answer) return std::move(answer).error();
  return read_fingerprint(file.path.string(), answer->root());
}

Result<std::uint64_t> Prober::probe(const SealedFile& file) {
  if (const auto passed = Passes::of_process().find(file.sha256)) return *passed;
  {
    base::Lock lock(mutex_);
    if (const auto found = refused_.find(file.sha256); found != refused_.end())
      return found->second;
  }
  auto verdict = run(file);
  if (verdict) {
    Passes::of_process().add(file.sha256, *verdict);
    return verdict;
  }
  base::Lock lock(mutex_);
  refused_.insert_or_assign(file.sha256, verdict.error());
  return verdict;
}

void Prober::probe_all(std::span<const SealedFile* const> files) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) (void)probe(*files[i]);
  };
  std::vector<std::thread> helpers;
  try {
    const base::SignalsBlocked around_the_start;
    for (std::size_t i = 1; i < std::min(at_once_max, files.size()); ++i)
      helpers.emplace_back(work);
  } catch (const std::exception&) {  // as many as there are; this one alone will do
  }
  work();
  for (std::thread& helper : helpers) helper.join();
}

void Prober::forget_refusals() {
  base::Lock lock(mutex_);
  refused_.clear();
}

}  // namespace callerapi::host
