#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "caller/metric_table.hpp"
#include "policy/histogram.hpp"

namespace callerapi::caller {

/// Writes metrics in the text format of Prometheus, version 0.0.4: the samples of a family follow
/// its head, and a family without samples is left out.
class Exposition {
 public:
  /// Values in the order of the metric's labels; an empty one is left out.
  using Labels = std::initializer_list<std::string_view>;

  /// Samples are of this metric from now on.
  void family(std::string_view prometheus);
  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, const policy::Distribution& distribution);
  std::string take() { return std::move(text_); }

 private:
  void head();
  void line(std::string_view suffix, const std::string& labels, std::string_view value);
  std::string label_text(Labels labels) const;

  const Metric* metric_ = nullptr;
  bool headed_ = false;
  std::string text_;
};

}  // namespace callerapi::caller
