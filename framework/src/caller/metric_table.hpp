#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/histogram.hpp"

namespace callerapi::caller {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

/// One row of the one table of metrics: what is written, and the page that describes it.
struct Metric {
  std::string_view otel;        ///< "callerapi.retry.count"
  std::string_view prometheus;  ///< "callerapi_retry_count_total"
  MetricType type;
  std::string_view labels;  ///< Separated by one blank, in the order they are written.
  std::string_view help;
  const base::Scale* scale = &base::call_times;  ///< Of a histogram.
};

std::span<const Metric> metrics() noexcept;
/// The row of that Prometheus name, which must be there.
const Metric& metric(std::string_view prometheus) noexcept;
std::string_view name(MetricType) noexcept;
/// docs/reference/metrics.md
std::string metrics_reference();

}  // namespace callerapi::caller
