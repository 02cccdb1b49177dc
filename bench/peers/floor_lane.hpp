#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/json.hpp>
#include <optional>
#include <string>

#include "channel.hpp"

namespace callerapi::bench {

/// One connection of a floor that waits with epoll, edge-triggered, and the call on it.
class Lane {
 public:
  Lane(const Task& task, Meter& meter, int epoll)
      : task_(task), request_(task.bytes()), meter_(meter), channel_(task) {
    if (task.json) take_document();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, channel_.fd(), &event);
  }

  /// Begins a call that is counted from `began`.
  void begin(TimePoint began) {
    kept_ = 0;
    body_ = 0;
    framing_ = {};
    began_ = began;
    if (task_.json) request_.replace(head_, std::string::npos, boost::json::serialize(document_));
    channel_.write(request_.data(), request_.size());
  }

  /// Begins a call; false when there were enough.
  bool begin() {
    if (!meter_.claim()) return false;
    begin(clock_now());
    return true;
  }

  /// Reads what there is; true when the call has ended.
  bool read() {
    for (;;) {
      const long n = channel_.read(input_.data() + kept_, input_.size() - kept_);
      if (n < 0) return false;
      if (n == 0) return meter_.failed("closed"), true;
      if (framing_.head == 0) {
        kept_ += static_cast<std::size_t>(n);
        framing_ = framing_of({input_.data(), kept_});
        if (framing_.head == 0) continue;
        body_ = kept_ - framing_.head;
        if (!task_.json) kept_ = 0;
      } else {
        body_ += static_cast<std::uint64_t>(n);
        if (task_.json) kept_ += static_cast<std::size_t>(n);
      }
      // A short read has emptied the socket: the next event says when there is more.
      if (body_ >= framing_.body) return end(), true;
    }
  }

 private:
  /// The same document may be written differently: the length that is sent is that of our own text.
  void take_document() {
    document_ = boost::json::parse(task_.body);
    Task written = task_;
    written.body = boost::json::serialize(document_);
    request_ = written.bytes();
    head_ = request_.size() - written.body.size();
  }

  void end() {
    if (task_.json) {
      const std::string_view body(input_.data() + framing_.head, kept_ - framing_.head);
      const auto got = boost::json::parse(body);
      if (got.as_object().size() != document_.as_object().size()) meter_.failed("not the document");
    }
    meter_.ended(framing_.status, body_, began_);
  }

  const Task& task_;
  std::string request_;
  Meter& meter_;
  Channel channel_;
  std::array<char, 16384> input_;
  std::size_t kept_ = 0;
  std::uint64_t body_ = 0;
  Framing framing_;
  TimePoint began_{};
  boost::json::value document_;
  std::size_t head_ = 0;  ///< Of the request, when its body is the document.
};

}  // namespace callerapi::bench
