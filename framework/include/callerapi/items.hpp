#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "callerapi/stream.hpp"

namespace callerapi {

/// The items of a streamed body: server-sent events, JSON lines, plain lines. Three ways to go
/// through them, each at the reader's own pace:
///   for (Result<ServerEvent>& event : events) ...           blocks; an error comes last
///   while (auto event = events.next().value()) ...           blocks
///   while (auto event = (co_await events.async_next()).value()) ...
/// One thread at a time. Destroying it before the end closes the connection.
template <class Parser>
class ItemStream {
 public:
  using Item = typename Parser::Item;
  using Next = Result<std::optional<Item>>;

  /// Takes the body over.
  explicit ItemStream(BodyStream body, Parser parser = Parser())
      : body_(std::move(body)), parser_(std::move(parser)) {}

  /// What it reads from, for its head and cancel(); not to be read beside it.
  BodyStream& body() noexcept { return body_; }
  const Parser& parser() const noexcept { return parser_; }

  /// The next item, blocking; nullopt at the end of the body. Errors: those of BodyStream::read and
  /// of the parser.
  Next next() {
    std::array<char, std::size_t{16} << 10> piece;
    for (;;) {
      Next item = parser_.next();
      if (!item || *item || ended_) return item;
      auto got = body_.read(piece);
      if (!got) return std::move(got).error();
      take({piece.data(), *got});
    }
  }

  /// The same for `co_await`. Not while another one waits; this object must outlive the wait.
  auto async_next() { return Awaiter{*this, std::nullopt}; }

  /// One pass, each element a Result; after an error the range ends.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Result<Item>;
    using difference_type = std::ptrdiff_t;
    using pointer = value_type*;
    using reference = value_type&;

    explicit Iterator(ItemStream* from) : from_(from) { advance(); }
    reference operator*() { return *item_; }
    pointer operator->() { return &*item_; }
    Iterator& operator++() {
      advance();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return !item_; }

   private:
    void advance() {
      const bool failed = item_ && !*item_;
      item_.reset();
      if (failed) return;
      Next next = from_->next();
      if (!next) {
        item_.emplace(std::move(next).error());
      } else if (*next) {
        item_.emplace(std::move(**next));
      }
    }
    ItemStream* from_;
    std::optional<Result<Item>> item_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  struct Awaiter {
    ItemStream& items;
    std::optional<Next> got;

    bool await_ready() { return look(); }
    void await_suspend(std::coroutine_handle<> waiting) {
      items.body_.next().then([this, waiting](Result<std::string> piece) {
        if (!piece) {
          got.emplace(std::move(piece).error());
        } else {
          items.take(*piece);
          if (!look()) return await_suspend(waiting);
        }
        waiting.resume();
      });
    }
    Next await_resume() { return std::move(*got); }
    bool look() {
      Next item = items.parser_.next();
      if (item && !*item && !items.ended_) return false;
      got.emplace(std::move(item));
      return true;
    }
  };

  void take(std::string_view piece) {
    ended_ = piece.empty();
    ended_ ? parser_.finish() : parser_.give(piece);
  }

  BodyStream body_;
  Parser parser_;
  bool ended_ = false;
};

}  // namespace callerapi
