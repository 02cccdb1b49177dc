#pragma once

#include <string>

namespace callerapi::base {

/// docs/reference/outcomes.md, made from callerapi/outcomes.inc.
std::string outcomes_reference();

}  // namespace callerapi::base
