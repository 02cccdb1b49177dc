#include "callerapi/pages.hpp"

#include <utility>

#include "callerapi/client.hpp"
#include "wire/link.hpp"

namespace callerapi {

struct Pages::State {
  Caller& caller;
  std::string service, endpoint;
  Request first;
  std::string parameter;  ///< Empty: follow Link.
  Cursor cursor;
  std::optional<std::string> position{};  ///< Of the next page: a URL or a cursor.
  std::size_t seen = 0, pages_max = 10'000;
  bool ended = false;

  Request request() const {
    Request next = first.without_body();
    if (!position) return next;
    if (parameter.empty()) {
      next.query_values.clear();  // the target has what the service kept of it
      return std::move(next).at(*position);
    }
    return std::move(next).query(parameter, *position);
  }

  std::optional<std::string> next_of(const Response& page) const {
    return parameter.empty() ? wire::link_target(page.headers, "next") : cursor(page);
  }

  Error loop(const std::string& what) const {
    return {.outcome = Outcome::protocol_error,
            .reason = "page_loop",
            .message = service + "." + endpoint + ": " + what,
            .phase = Phase::decode,
            .sent = Sent::yes};
  }

  Result<Response> step() {
    if (seen == pages_max)
      return loop("still goes on after " + std::to_string(pages_max) +
                  " pages; raise pages_max() if the listing is that long");
    auto page = caller.call(service, endpoint, request());
    if (!page) return page;
    ++seen;
    if (auto refused = detail::status_error(*page)) {
      refused->message =
          service + "." + endpoint + ": page " + std::to_string(seen) + ": " + refused->message;
      return std::move(*refused);
    }
    auto next = next_of(*page);
    if (next && next == position) return loop("page " + std::to_string(seen) + " leads to itself");
    ended = !next;
    position = std::move(next);
    return page;
  }
};

Pages::Pages(Caller& caller, std::string service, std::string endpoint, Request first)
    : Pages(caller, std::move(service), std::move(endpoint), std::move(first), {}, nullptr) {}

Pages::Pages(Caller& caller, std::string service, std::string endpoint, Request first,
             std::string parameter, Cursor cursor)
    : state_(new State{caller, std::move(service), std::move(endpoint), std::move(first),
                       std::move(parameter), std::move(cursor)}) {}
Pages::Pages(Pages&&) noexcept = default;
Pages& Pages::operator=(Pages&&) noexcept = default;
Pages::~Pages() = default;

Pages Pages::pages_max(std::size_t count) && {
  state_->pages_max = count;
  return std::move(*this);
}

Result<std::optional<Response>> Pages::next() {
  if (state_->ended) return std::optional<Response>();
  auto page = state_->step();
  if (page) return std::optional<Response>(std::move(*page));
  state_->ended = true;
  return std::move(page).error();
}

}  // namespace callerapi
