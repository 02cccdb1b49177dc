#pragma once

#include <string>
#include <string_view>

#include "callerapi/export.hpp"
#include "callerapi/result.hpp"
#include "callerapi/span.hpp"

namespace callerapi {

/// `span` in the JSON form of OTLP, an object with `resourceSpans` on one line and without its
/// end; `service_name` says whose it is (the attribute service.name of the resource).
CALLERAPI_API std::string otlp_line(const Span& span, std::string_view service_name);

/// A sink for Options::on_span that appends such lines to a file, which the file receiver of an
/// OpenTelemetry collector reads. The file is made if there is none, for its owner alone, and
/// closed with the last copy of the sink. Each line is one write on the thread that ended the call:
/// good for programs of moderate pace and tests; a busy host hands spans to a thread of its own.
/// Errors: `invalid_argument`, reason `otlp_file`: it cannot be opened. A line that cannot be
/// written, on a full disk say, throws and so is counted (Stats::span_failures).
CALLERAPI_API Result<SpanSink> otlp_file(const std::string& path, std::string_view service_name);

}  // namespace callerapi
