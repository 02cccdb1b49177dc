#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/hooks.hpp"
#include "policy/prepared.hpp"
#include "wire/request_writer.hpp"
#include "wire/syntax.hpp"

namespace callerapi::policy {

/// One attempt's request as its hooks see it. Lives on the stack of the attempt. Texts that were
/// lent stay as they were until it goes, whatever is set meanwhile.
class RequestOfHook final : public HookRequest {
 public:
  RequestOfHook(const Prepared& call, Headers& headers, int attempt)
      : call_(call), headers_(headers), attempt_(attempt) {}

  std::string_view method() const override { return call_.method; }
  std::string_view target() const override { return call_.target; }
  std::string_view authority() const override { return call_.authority; }
  std::string_view endpoint() const override { return call_.endpoint; }
  int attempt() const override { return attempt_; }
  std::optional<std::string_view> header(std::string_view name) const override {
    lent_ = true;
    return headers_.get(name);
  }
  std::optional<Headers::Field> header_at(std::size_t index) const override {
    if (index >= headers_.size()) return std::nullopt;
    lent_ = true;
    return headers_[index];
  }
  Result<void> set_header(std::string_view name, std::string_view value) override {
    if (!wire::is_token(name) || !wire::is_field_value(value) || wire::is_reserved_header(name))
      return call_error(call_.where(), Outcome::invalid_argument, "illegal_byte",
                        "a hook set a header that is reserved or holds illegal bytes");
    if (lent_) keep();
    headers_.set(name, value);
    return {};
  }
  std::optional<std::string_view> body() const override {
    if (call_.source) return std::nullopt;
    return call_.body;
  }

 private:
  /// Goes on with a copy: a hook that only reads, or only sets, pays nothing.
  void keep() {
    kept_.push_back(headers_);
    std::swap(kept_.back(), headers_);
    lent_ = false;
  }

  const Prepared& call_;
  Headers& headers_;
  const int attempt_;
  mutable bool lent_ = false;  ///< A text of headers_ as they are.
  std::vector<Headers> kept_;  ///< What was lent before.
};

}  // namespace callerapi::policy
