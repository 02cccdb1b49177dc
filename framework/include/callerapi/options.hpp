#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "callerapi/abi/v1.h"
#include "callerapi/executor.hpp"
#include "callerapi/log.hpp"
#include "callerapi/span.hpp"

namespace callerapi {

namespace testing {
class Transport;
}

/// How a Caller is opened. Everything has a sensible default; a value, copied by open().
struct Options {
  /// Where log lines go; empty: nowhere. May be called until the Caller is destroyed.
  LogSink log;
  /// Told of every call that has ended, and of its attempts, as spans of its trace, unless that is
  /// not sampled. A call under no trace begins one then, and sends it. Empty: nothing is made or
  /// measured for it. May be called until the Caller is destroyed.
  SpanSink on_span;
  /// Where callbacks and coroutines continue; null: a pool of one thread of the Caller's own. Must
  /// outlive the Caller, as its share of it does.
  std::shared_ptr<Executor> executor;
  /// Watch the registry file, and the plugin files of services with `watch = true`, and apply their
  /// changes.
  bool watch = true;
  /// A file of NAME=value lines read beneath the process environment; empty: none.
  std::string env_file;
  /// Replaces the process environment, for tests; unset: the real one.
  std::optional<std::map<std::string, std::string>> environment;
  /// Plugins linked into this program, for `plugin = "static:<id>"`; like contracts, not
  /// owned: they must outlive the Caller.
  std::vector<const capi_plugin*> static_plugins;
  /// Contracts this program was compiled with, `&callerapi::contract<billing::Billing>`: each
  /// stands in for the plugin of services with `contract = "caller"`. Only their declarations
  /// count.
  std::vector<const capi_plugin*> contracts;
  /// For tools that open any registry: a service with `contract = "caller"` whose contract is not
  /// given has no endpoints, and takes ad-hoc requests only. Otherwise it is refused.
  bool contracts_optional = false;
  /// The program callerapi-probe, in which plugin files are tried out before they are loaded;
  /// empty: the one installed with the library.
  std::string probe;
  /// Answers calls instead of the network; see callerapi/testing.hpp.
  std::shared_ptr<testing::Transport> transport;
};

}  // namespace callerapi
