#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "base/mutex.hpp"
#include "callerapi/json.hpp"
#include "callerapi/result.hpp"
#include "host/describe.hpp"
#include "host/plugin_file.hpp"

namespace callerapi::host {

/// Lets plugins be loaded in a child process first: only a child survives a constructor that
/// throws, exits or hangs. One probe for each distinct content of a file in the life of the
/// process. Never fork()s the host; works with SIGCHLD ignored. Thread-safe.
class Prober {
 public:
  /// `program` empty: callerapi-probe beside this library, or in ../lib/callerapi of its folder.
  explicit Prober(const std::string& program);

  /// The fingerprint of the declarations that the child saw. Errors: probe_*.
  Result<std::uint64_t> probe(const SealedFile& file);
  /// What the child saw declared; asked anew each time. Errors: probe_*.
  Result<Described> describe(const SealedFile& file) const;
  /// The answer of one check of the conformance kit. `config`: one JSON object of texts, for the
  /// plugin; empty: none. Errors: probe_*.
  Result<json::Document> ask(const SealedFile& file, const std::string& task,
                             const std::string& config = "") const;
  /// Several at once, a few at a time; what they answer is kept for probe().
  void probe_all(std::span<const SealedFile* const> files);
  /// Refusals are kept while one registry is applied, so that a plugin of many services is probed
  /// once, and then forgotten: a time-out may have been the machine's fault.
  void forget_refusals();

 private:
  Result<std::uint64_t> run(const SealedFile& file) const;
  Result<std::string> spawn(const SealedFile& file, const std::string& task,
                            const std::string& config) const;

  std::string program_;
  std::string looked_for_;
  base::Mutex mutex_;
  std::map<std::string, Error> refused_ CALLERAPI_GUARDED_BY(mutex_);  ///< By sha256.
};

}  // namespace callerapi::host
