#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/histogram.hpp"
#include "caller/metric_table.hpp"

namespace callerapi::caller {

/// Writes metrics in the text format of Prometheus, version 0.0.4: the samples of a family follow
/// its head, and a family without samples is left out. Samples of a family with the same labels are
/// one, their sum: an endpoint that has another path since a reload is still that endpoint.
class Exposition {
 public:
  /// Values in the order of the metric's labels; an empty one is left out.
  using Labels = std::initializer_list<std::string_view>;

  /// Samples are of this metric from now on.
  void family(std::string_view prometheus);
  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, const base::Distribution& distribution);
  std::string take();

 private:
  struct Sample {
    std::string labels;
    std::uint64_t value = 0;       ///< Of a counter or gauge.
    base::Distribution buckets{};  ///< Of a histogram.
  };

  Sample& sample_of(Labels labels);
  void write();
  void write_buckets(const Sample& sample);
  void line(std::string_view suffix, const std::string& labels, std::string_view value);
  std::string label_text(Labels labels) const;

  const Metric* metric_ = nullptr;
  std::vector<Sample> samples_;  ///< Of this family, in the order they came.
  std::unordered_map<std::string, std::size_t> known_;
  std::string text_;
};

}  // namespace callerapi::caller
