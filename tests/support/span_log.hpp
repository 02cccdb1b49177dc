#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "callerapi/span.hpp"

namespace callerapi::support {

/// Takes down the spans that were told. Thread-safe; copies share what they know.
class SpanLog {
 public:
  SpanSink sink() const {
    return [kept = kept_](const Span& span) {
      std::lock_guard lock(kept->mutex);
      kept->spans.push_back(span);
    };
  }
  std::vector<Span> all() const {
    std::lock_guard lock(kept_->mutex);
    return kept_->spans;
  }
  void clear() const {
    std::lock_guard lock(kept_->mutex);
    kept_->spans.clear();
  }
  /// As soon as there are so many, or what there is after twenty seconds.
  std::vector<Span> await(std::size_t count) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (all().size() < count && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    return all();
  }

 private:
  struct Kept {
    std::mutex mutex;
    std::vector<Span> spans;
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

/// The value of that attribute as text; empty: there is none.
inline std::string attribute(const Span& span, std::string_view name) {
  const auto found = std::ranges::find(span.attributes, name, &SpanAttribute::name);
  if (found == span.attributes.end()) return {};
  if (const auto* text = std::get_if<std::string>(&found->value)) return *text;
  return std::to_string(std::get<std::int64_t>(found->value));
}

}  // namespace callerapi::support
