#include "caller/exposition.hpp"

#include <array>
#include <charconv>

namespace callerapi::caller {
namespace {

std::string number_text(double number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), end};
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

}  // namespace

void Exposition::family(std::string_view prometheus) {
  write();
  metric_ = &metric(prometheus);
}

std::string Exposition::take() {
  write();
  return std::move(text_);
}

std::string Exposition::label_text(Labels labels) const {
  std::string text;
  std::string_view names = metric_->labels;
  for (const std::string_view value : labels) {
    const auto label = names.substr(0, names.find(' '));
    names.remove_prefix(std::min(names.size(), label.size() + 1));
    if (value.empty()) continue;
    if (!text.empty()) text += ',';
    text.append(label).append("=\"");
    append_escaped(text, value);
    text += '"';
  }
  return text;
}

void Exposition::line(std::string_view suffix, const std::string& labels, std::string_view value) {
  text_.append(metric_->prometheus).append(suffix);
  if (!labels.empty()) text_.append("{").append(labels).append("}");
  text_.append(" ").append(value).append("\n");
}

Exposition::Sample& Exposition::sample_of(Labels labels) {
  std::string text = label_text(labels);
  const auto [at, fresh] = known_.emplace(text, samples_.size());
  if (fresh) samples_.push_back({std::move(text)});
  return samples_[at->second];
}

void Exposition::sample(Labels labels, std::uint64_t value) { sample_of(labels).value += value; }

void Exposition::sample(Labels labels, const base::Distribution& distribution) {
  base::Distribution& all = sample_of(labels).buckets;
  for (std::size_t i = 0; i < all.buckets.size(); ++i) all.buckets[i] += distribution.buckets[i];
  all.sum += distribution.sum;
}

void Exposition::write() {
  if (!samples_.empty()) {
    text_.append("# HELP ").append(metric_->prometheus).append(" ").append(metric_->help);
    text_.append("\n# TYPE ").append(metric_->prometheus).append(" ").append(name(metric_->type));
    text_ += '\n';
  }
  for (const Sample& one : samples_) {
    if (metric_->type == MetricType::histogram)
      write_buckets(one);
    else
      line("", one.labels, std::to_string(one.value));
  }
  samples_.clear();
  known_.clear();
}

void Exposition::write_buckets(const Sample& sample) {
  const base::Scale& scale = *metric_->scale;
  const std::string before = sample.labels.empty() ? "le=\"" : sample.labels + ",le=\"";
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < sample.buckets.buckets.size(); ++i) {
    below += sample.buckets.buckets[i];
    const bool last = i == scale.bounds.size();
    const std::string bound =
        last ? "+Inf" : number_text(static_cast<double>(scale.bounds[i]) / scale.unit);
    line("_bucket", before + bound + '"', std::to_string(below));
  }
  line("_sum", sample.labels, number_text(static_cast<double>(sample.buckets.sum) / scale.unit));
  line("_count", sample.labels, std::to_string(below));
}

}  // namespace callerapi::caller
