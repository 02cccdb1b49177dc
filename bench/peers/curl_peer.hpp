#pragma once

#include <curl/curl.h>

#include "peer.hpp"

namespace callerapi::bench {

/// One handle of libcurl, kept for all calls of a lane as its documentation advises.
class CurlCall {
 public:
  explicit CurlCall(const Task& task);
  ~CurlCall();
  CurlCall(const CurlCall&) = delete;
  CurlCall& operator=(const CurlCall&) = delete;

  CURL* handle() const noexcept { return handle_; }
  void begin() {
    bytes_ = sent_ = 0;
    began_ = clock_now();
  }
  void end(CURLcode code, Meter& meter) const;

 private:
  static std::size_t take(char* data, std::size_t size, std::size_t count, void* into);
  static std::size_t give(char* into, std::size_t size, std::size_t count, void* from);

  CURL* handle_;
  curl_slist* headers_ = nullptr;
  std::uint64_t bytes_ = 0, to_send_ = 0, sent_ = 0;
  TimePoint began_{};
  std::string kept_;
};

}  // namespace callerapi::bench
