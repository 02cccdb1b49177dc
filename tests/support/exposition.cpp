#include "support/exposition.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>

namespace callerapi::support {
namespace {

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  for (const char c : text)
    if (!(c == '_' || c == ':' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
          (c >= '0' && c <= '9')))
      return false;
  return true;
}

bool cut_suffix(std::string& text, std::string_view suffix) {
  if (!std::string_view(text).ends_with(suffix)) return false;
  text.resize(text.size() - suffix.size());
  return true;
}

class Reader {
 public:
  Exposed read(std::string_view text) {
    if (text.empty() || text.back() != '\n') fault("the text does not end with a line feed");
    while (!text.empty()) {
      line_ = std::string(text.substr(0, text.find('\n')));
      text.remove_prefix(std::min(text.size(), line_.size() + 1));
      line_.starts_with("# ") ? head() : sample();
    }
    for (const auto& [series, state] : histograms_)
      if (!state.infinite || !state.sum || state.count != state.below)
        fault("histogram " + series + " is not whole");
    return std::move(out_);
  }

 private:
  struct Histogram {
    double bound = -1, below = 0, count = -1;
    bool infinite = false, sum = false;
  };

  void fault(const std::string& why) { out_.faults.push_back(why + ": " + line_); }

  void head() {
    const auto end = line_.find(' ', 7);
    const std::string kind = line_.substr(2, 4), family = line_.substr(7, end - 7);
    const std::string rest = end == std::string::npos ? "" : line_.substr(end + 1);
    if (!is_name(family)) fault("not a name");
    if (kind == "HELP") {
      if (rest.empty()) fault("no help");
      if (!helped_.insert(family).second) fault("a second help");
      helped_now_ = family;
    } else if (kind == "TYPE") {
      if (rest != "counter" && rest != "gauge" && rest != "histogram") fault("no type");
      if (helped_now_ != family) fault("no help before the type");
      if (!out_.types.emplace(family, rest).second) fault("a second type");
      const bool total = std::string_view(family).ends_with("_total");
      if (total != (rest == "counter")) fault("counters, and no others, end in _total");
      family_ = family;
    } else {
      fault("neither HELP nor TYPE");
    }
  }

  /// The labels without `le`, whose value goes to `le`.
  std::string labels(std::string_view text, std::string& le) {
    std::string others;
    std::set<std::string> names;
    while (!text.empty()) {
      const auto equals = text.find("=\"");
      if (equals == std::string_view::npos) return fault("labels"), others;
      const std::string name(text.substr(0, equals));
      if (!is_name(name) || name.find(':') != std::string::npos) fault("label name");
      if (!names.insert(name).second) fault("label twice");
      auto at = equals + 2;
      for (; at < text.size() && text[at] != '"'; ++at)
        if (text[at] == '\\' && (++at >= text.size() || !std::strchr("\\\"n", text[at])))
          fault("escape");
      if (at >= text.size()) return fault("open label"), others;
      const auto value = text.substr(equals + 2, at - equals - 2);
      if (value.empty()) fault("empty label");
      if (name == "le")
        le = value;
      else
        others.append(others.empty() ? "" : ",").append(text.substr(0, at + 1));
      text.remove_prefix(at + 1);
      if (!text.empty() && text[0] != ',') return fault("labels"), others;
      if (!text.empty()) text.remove_prefix(1);
    }
    return others;
  }

  void sample() {
    const auto blank = line_.rfind(' ');
    if (blank == std::string::npos) return fault("no value");
    const std::string value_text = line_.substr(blank + 1), key = line_.substr(0, blank);
    char* end = nullptr;
    const double value = std::strtod(value_text.c_str(), &end);
    if (value_text.empty() || *end != '\0' || value < 0) fault("value");
    const auto open = key.find('{');
    std::string name = key.substr(0, open), le;
    if (!is_name(name)) fault("not a name");
    if (open != std::string::npos && key.back() != '}') fault("open labels");
    const std::string given =
        open == std::string::npos
            ? ""
            : labels(std::string_view(key).substr(open + 1, key.size() - open - 2), le);
    if (!out_.samples.emplace(key, value).second) fault("sample twice");
    const bool histogram = out_.types[family_] == "histogram";
    if (!histogram) {
      if (name != family_) fault("a sample outside its family");
      if (!le.empty()) fault("le of no histogram");
      return;
    }
    std::string family = name;
    Histogram& state = histograms_[family_ + "{" + given + "}"];
    if (cut_suffix(family, "_bucket")) {
      const double bound = le == "+Inf" ? 1e300 : std::strtod(le.c_str(), nullptr);
      if (le.empty() || bound <= state.bound || value < state.below) fault("buckets do not rise");
      state.bound = bound;
      state.below = value;
      state.infinite = le == "+Inf";
    } else if (cut_suffix(family, "_count")) {
      state.count = value;
    } else if (cut_suffix(family, "_sum")) {
      state.sum = true;
    }
    if (family != family_) fault("a sample outside its family");
  }

  Exposed out_;
  std::string line_, family_, helped_now_;
  std::set<std::string> helped_;
  std::map<std::string, Histogram> histograms_;
};

}  // namespace

Exposed read_exposition(std::string_view text) { return Reader().read(text); }

}  // namespace callerapi::support
