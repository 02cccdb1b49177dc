#pragma once

#include <string>

namespace callerapi::caller {

class Host;

/// Every measurement of a Caller in the text format of Prometheus.
std::string metrics_text(const Host& host);

}  // namespace callerapi::caller
