#include "curl_peer.hpp"

#include <algorithm>
#include <cstring>

namespace callerapi::bench {

CurlCall::CurlCall(const Task& task) : handle_(::curl_easy_init()) {
  const auto set = [this](CURLoption option, auto value) {
    ::curl_easy_setopt(handle_, option, value);
  };
  set(CURLOPT_URL, task.url().c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, 100'000L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROXY, "");
  set(CURLOPT_WRITEFUNCTION, &CurlCall::take);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PRIVATE, this);
  if (task.expect_bytes > (1u << 20)) set(CURLOPT_BUFFERSIZE, 512L << 10);
  if (task.tls) set(CURLOPT_CAINFO, task.ca_file.c_str());
  headers_ = ::curl_slist_append(headers_, "Accept: application/json");
  if (task.send_bytes > 0) {
    to_send_ = task.send_bytes;
    headers_ = ::curl_slist_append(headers_, "Content-Type: application/json");
    headers_ = ::curl_slist_append(headers_, "Expect:");
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(task.send_bytes));
    set(CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    set(CURLOPT_READFUNCTION, &CurlCall::give);
    set(CURLOPT_READDATA, this);
  } else if (!task.body.empty()) {
    headers_ = ::curl_slist_append(headers_, "Content-Type: application/json");
    headers_ = ::curl_slist_append(headers_, "Expect:");
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(task.body.size()));
    set(CURLOPT_POSTFIELDS, task.body.c_str());
  }
  set(CURLOPT_HTTPHEADER, headers_);
}

CurlCall::~CurlCall() {
  ::curl_easy_cleanup(handle_);
  ::curl_slist_free_all(headers_);
}

std::size_t CurlCall::take(char* data, std::size_t size, std::size_t count, void* into) {
  auto& call = *static_cast<CurlCall*>(into);
  // A small body is kept, as a caller would.
  if (call.bytes_ == 0) call.kept_.clear();
  if (call.kept_.size() < (1u << 20)) call.kept_.append(data, size * count);
  call.bytes_ += size * count;
  return size * count;
}

std::size_t CurlCall::give(char* into, std::size_t size, std::size_t count, void* from) {
  auto& call = *static_cast<CurlCall*>(from);
  const std::size_t n =
      std::min({size * count, piece_of_body().size(), std::size_t{call.to_send_ - call.sent_}});
  std::memcpy(into, piece_of_body().data(), n);
  call.sent_ += n;
  return n;
}

void CurlCall::end(CURLcode code, Meter& meter) const {
  if (code != CURLE_OK) return meter.failed(::curl_easy_strerror(code));
  long status = 0;
  ::curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  meter.ended(static_cast<int>(status), bytes_, began_);
}

}  // namespace callerapi::bench
