#include "caller/exposition.hpp"

#include <array>
#include <charconv>

namespace callerapi::caller {
namespace {

std::string seconds_text(double seconds) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), seconds).ptr;
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
  metric_ = &metric(prometheus);
  headed_ = false;
}

void Exposition::head() {
  if (headed_) return;
  headed_ = true;
  text_.append("# HELP ").append(metric_->prometheus).append(" ").append(metric_->help);
  text_.append("\n# TYPE ").append(metric_->prometheus).append(" ").append(name(metric_->type));
  text_ += '\n';
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

void Exposition::sample(Labels labels, std::uint64_t value) {
  head();
  line("", label_text(labels), std::to_string(value));
}

void Exposition::sample(Labels labels, const policy::Distribution& distribution) {
  head();
  const std::string given = label_text(labels);
  const std::string before = given.empty() ? "le=\"" : given + ",le=\"";
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < distribution.buckets.size(); ++i) {
    below += distribution.buckets[i];
    const bool last = i == policy::duration_bounds_us.size();
    const std::string bound =
        last ? "+Inf" : seconds_text(static_cast<double>(policy::duration_bounds_us[i]) / 1e6);
    line("_bucket", before + bound + '"', std::to_string(below));
  }
  line("_sum", given, seconds_text(static_cast<double>(distribution.sum_ns) / 1e9));
  line("_count", given, std::to_string(below));
}

}  // namespace callerapi::caller
