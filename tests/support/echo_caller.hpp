#pragma once

#include <memory>
#include <string>
#include <utility>

#include "callerapi/caller.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::support {

/// A Caller with one service, `echo`, at `url`; `settings` stand behind it in the registry. It sees
/// no environment.
inline Caller echo_caller(const std::string& url, const std::string& settings = "",
                          std::shared_ptr<Executor> executor = nullptr) {
  Options options;
  options.static_plugins = {echo_plugin()};
  options.environment.emplace();
  options.executor = std::move(executor);
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               url + "\"\n" + settings,
                           std::move(options))
      .value();
}

}  // namespace callerapi::support
