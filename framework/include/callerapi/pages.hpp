#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "callerapi/caller.hpp"
#include "callerapi/export.hpp"
#include "callerapi/request.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"

namespace callerapi {

/// The pages of a listing, one call each, asked for when they are wanted:
///   for (Result<Response>& page : Pages(caller, "billing", "list_invoices")) ...
/// or `while (auto page = pages.next().value()) ...`. A page with a status of 400 or more is an
/// `http_status` error and the last that comes (next() then gives nullopt): the listing is not
/// whole. One thread at a time; must not outlive its Caller.
class CALLERAPI_API Pages {
 public:
  /// What a page says of the next one; nullopt on the last.
  using Cursor = std::function<std::optional<std::string>(const Response&)>;

  /// Follows `Link: <...>; rel="next"` (RFC 8288). The target is a URL of the service's own origin
  /// or a path; another origin is refused with `location_origin`, for the request carries the
  /// service's credentials. `first` has no body; its headers and time limits hold for each page,
  /// its query for the first alone: a target has a query of its own.
  Pages(Caller& caller, std::string service, std::string endpoint, Request first = {});
  /// Sends what `cursor` reads from a page as query parameter `parameter` of the next, beside those
  /// of `first`.
  Pages(Caller& caller, std::string service, std::string endpoint, Request first,
        std::string parameter, Cursor cursor);
  Pages(Pages&&) noexcept;
  Pages& operator=(Pages&&) noexcept;
  ~Pages();

  /// The next page, blocking; nullopt behind the last. After an error: nullopt. Errors: those of
  /// Caller::call, `http_status`, and `protocol_error` with reason `page_loop` when a page leads to
  /// itself or more than pages_max() came.
  Result<std::optional<Response>> next();
  /// At most so many pages, 1 and more; 10,000 unless set. One more is `page_loop`.
  Pages pages_max(std::size_t count) &&;

  /// One pass, each element a Result; after an error the range ends.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Result<Response>;
    using difference_type = std::ptrdiff_t;
    using pointer = value_type*;
    using reference = value_type&;

    explicit Iterator(Pages* from) : from_(from) { advance(); }
    reference operator*() { return *page_; }
    pointer operator->() { return &*page_; }
    Iterator& operator++() {
      advance();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return !page_; }

   private:
    void advance() {
      page_.reset();
      auto next = from_->next();
      if (!next) {
        page_.emplace(std::move(next).error());
      } else if (*next) {
        page_.emplace(std::move(**next));
      }
    }
    Pages* from_;
    std::optional<Result<Response>> page_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace callerapi
