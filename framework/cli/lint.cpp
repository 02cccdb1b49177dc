#include <iostream>

#include "commands.hpp"

namespace callerapi::cli {

int run_lint(const Common& common) {
  const std::vector<Error> faults = Caller::lint(common.registry);
  if (common.json) {
    json::Writer out;
    out.begin_object()
        .member("schema", "callerapi.lint/1")
        .member("registry", common.registry)
        .key("faults")
        .begin_array();
    for (const Error& fault : faults)
      out.begin_object()
          .member("reason", fault.reason)
          .member("message", fault.message)
          .end_object();
    out.end_array().end_object();
    std::cout << out.text() << '\n';
  } else {
    for (const Error& fault : faults) std::cerr << fault.message << '\n';
    if (faults.empty()) std::cout << common.registry << ": sound\n";
  }
  return faults.empty() ? 0 : exit_code(faults.front());
}

}  // namespace callerapi::cli
