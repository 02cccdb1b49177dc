#include "policy/header_names.hpp"

#include <utility>

namespace callerapi::policy {

const HeaderNames& HeaderNames::built_in() noexcept {
  static const HeaderNames names;
  return names;
}

void ServiceHeaderNames::set(std::string HeaderNames::*field, std::string_view name) {
  auto changed = std::make_shared<HeaderNames>(**this);
  (*changed).*field = name;
  own_ = std::move(changed);
}

}  // namespace callerapi::policy
