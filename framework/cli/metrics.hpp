#pragma once

#include <string>
#include <string_view>

namespace callerapi::cli {

/// What Caller::metrics_text() writes, as one object of the schema `callerapi.metrics/1`: families
/// with name, help, type and samples; each sample with its name, its labels and its value.
std::string metrics_json(std::string_view text);

}  // namespace callerapi::cli
