#include "wire/guarded.hpp"

#include <exception>
#include <string>
#include <utility>

namespace callerapi::wire {
namespace {

class GuardedSource final : public BodySource {
 public:
  explicit GuardedSource(std::shared_ptr<BodySource> inner) : inner_(std::move(inner)) {}

  Result<std::size_t> read(std::span<char> into) override {
    try {
      return inner_->read(into);
    } catch (const std::exception& e) {
      return thrown(e.what());
    } catch (...) {
      return thrown("something that is no std::exception");
    }
  }
  std::optional<std::uint64_t> length() const override {
    return guarded<std::optional<std::uint64_t>>([this] { return inner_->length(); }, std::nullopt);
  }
  bool rewind() override {
    return guarded<bool>([this] { return inner_->rewind(); }, false);
  }
  bool rewindable() const override {
    return guarded<bool>([this] { return inner_->rewindable(); }, false);
  }

 private:
  static Error thrown(const std::string& what) {
    return {.outcome = Outcome::body_source_error,
            .reason = "source",
            .message = "the body source threw: " + what};
  }
  template <class T, class Ask>
  static T guarded(const Ask& ask, T otherwise) {
    try {
      return ask();
    } catch (...) {
      return otherwise;
    }
  }

  const std::shared_ptr<BodySource> inner_;
};

}  // namespace

std::shared_ptr<BodySource> make_guarded(std::shared_ptr<BodySource> inner) {
  return std::make_shared<GuardedSource>(std::move(inner));
}

std::optional<std::string> refused_by(BodySink& sink, std::string_view piece) {
  try {
    if (sink.write({piece.data(), piece.size()})) return std::nullopt;
    return "the body sink stopped the call";
  } catch (const std::exception& e) {
    return std::string("the body sink threw: ") + e.what();
  } catch (...) {
    return "the body sink threw something that is no std::exception";
  }
}

}  // namespace callerapi::wire
