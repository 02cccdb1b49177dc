// libcurl's interface for many calls at once: curl_multi_socket_action over epoll, one thread.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "curl_peer.hpp"

namespace callerapi::bench {
namespace {

class Multi {
 public:
  Multi(const Task& task, Meter& meter)
      : meter_(meter), multi_(::curl_multi_init()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    ::curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
    ::curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    ::curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
    ::curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    ::curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(task.lanes));
  }
  ~Multi() { ::curl_multi_cleanup(multi_); }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  void begin(CurlCall& call) {
    if (!meter_.claim()) return;
    ++running_;
    call.begin();
    ::curl_multi_add_handle(multi_, call.handle());
  }

  void run() {
    std::array<epoll_event, 256> events;
    while (running_ > 0) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                     static_cast<int>(std::clamp(timeout_ms_, -1L, 1'000L)));
      int alive = 0;
      if (count == 0) ::curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &alive);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const int what = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                         ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
        ::curl_multi_socket_action(multi_, event.data.fd, what, &alive);
      }
      take_ended();
    }
  }

 private:
  void take_ended() {
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const handle = message->easy_handle;
      const CURLcode code = message->data.result;
      char* owner = nullptr;
      ::curl_easy_getinfo(handle, CURLINFO_PRIVATE, &owner);
      auto& call = *reinterpret_cast<CurlCall*>(owner);
      call.end(code, meter_);
      ::curl_multi_remove_handle(multi_, handle);
      --running_;
      begin(call);
    }
  }

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    auto& multi = *static_cast<Multi*>(self);
    epoll_event event{};
    event.events = ((what & CURL_POLL_IN) != 0 ? std::uint32_t{EPOLLIN} : 0u) |
                   ((what & CURL_POLL_OUT) != 0 ? std::uint32_t{EPOLLOUT} : 0u);
    event.data.fd = fd;
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(multi.epoll_, EPOLL_CTL_DEL, fd, nullptr);
    } else {
      ::epoll_ctl(multi.epoll_, known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
      ::curl_multi_assign(multi.multi_, fd, self);
    }
    return 0;
  }
  static int on_timer(CURLM*, long ms, void* self) {
    static_cast<Multi*>(self)->timeout_ms_ = ms;
    return 0;
  }

  Meter& meter_;
  CURLM* multi_;
  const int epoll_;
  long timeout_ms_ = -1;
  std::size_t running_ = 0;
};

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  ::curl_global_init(CURL_GLOBAL_DEFAULT);
  Meter meter(task);
  std::vector<std::unique_ptr<CurlCall>> lanes;
  for (std::size_t i = 0; i < task.lanes; ++i) lanes.push_back(std::make_unique<CurlCall>(task));
  Multi multi(task, meter);
  return meter.run([&](std::uint64_t) {
    for (auto& lane : lanes) multi.begin(*lane);
    multi.run();
  });
}
