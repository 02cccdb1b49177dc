#include "cost/counted.hpp"

#include <dlfcn.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string_view>

namespace callerapi::cost {
namespace {

thread_local Counted of_this_thread;
std::atomic<std::uint64_t> allocations{0}, waits{0}, system_calls{0};

void* allocate(std::size_t size, std::size_t alignment) {
  ++of_this_thread.allocations;
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = alignment > alignof(std::max_align_t)
                     ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                     : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

/// The function of libc that the one of this program stands before.
template <class Function>
Function* next(Function*& kept, const char* name) {
  const bool waits_only = std::string_view(name) == "epoll_wait";
  ++(waits_only ? of_this_thread.waits : of_this_thread.system_calls);
  (waits_only ? waits : system_calls).fetch_add(1, std::memory_order_relaxed);
  if (kept == nullptr) kept = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
  return kept;
}

}  // namespace

Counted operator-(const Counted& a, const Counted& b) noexcept {
  return {a.allocations - b.allocations, a.waits - b.waits, a.system_calls - b.system_calls};
}

Counted here() noexcept { return of_this_thread; }

Counted everywhere() noexcept { return {allocations.load(), waits.load(), system_calls.load()}; }

}  // namespace callerapi::cost

using callerapi::cost::allocate;
using callerapi::cost::next;

void* operator new(std::size_t size) { return allocate(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

// The library is linked into this program, so these stand before libc's.
extern "C" {

#define CALLERAPI_COUNTED(result, name, parameters, arguments) \
  result name parameters {                                     \
    static result(*kept) parameters = nullptr;                 \
    return next(kept, #name) arguments;                        \
  }

CALLERAPI_COUNTED(ssize_t, send, (int fd, const void* from, size_t size, int flags),
                  (fd, from, size, flags))
CALLERAPI_COUNTED(ssize_t, sendmsg, (int fd, const msghdr* message, int flags),
                  (fd, message, flags))
CALLERAPI_COUNTED(ssize_t, recv, (int fd, void* into, size_t size, int flags),
                  (fd, into, size, flags))
CALLERAPI_COUNTED(ssize_t, recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags))
CALLERAPI_COUNTED(ssize_t, read, (int fd, void* into, size_t size), (fd, into, size))
CALLERAPI_COUNTED(ssize_t, write, (int fd, const void* from, size_t size), (fd, from, size))
CALLERAPI_COUNTED(ssize_t, writev, (int fd, const iovec* pieces, int count), (fd, pieces, count))
CALLERAPI_COUNTED(int, poll, (pollfd * entries, nfds_t count, int ms), (entries, count, ms))
CALLERAPI_COUNTED(int, epoll_wait, (int epoll, epoll_event* events, int count, int ms),
                  (epoll, events, count, ms))
CALLERAPI_COUNTED(int, epoll_ctl, (int epoll, int what, int fd, epoll_event* event) noexcept,
                  (epoll, what, fd, event))
CALLERAPI_COUNTED(int, getsockopt,
                  (int fd, int level, int name, void* value, socklen_t* size) noexcept,
                  (fd, level, name, value, size))
CALLERAPI_COUNTED(int, setsockopt,
                  (int fd, int level, int name, const void* value, socklen_t size) noexcept,
                  (fd, level, name, value, size))
CALLERAPI_COUNTED(int, socket, (int domain, int type, int protocol) noexcept,
                  (domain, type, protocol))
CALLERAPI_COUNTED(int, close, (int fd), (fd))

/// Of the library: futex only, which libc has no function for.
long syscall(long number, ...) noexcept {
  va_list given;
  va_start(given, number);
  long values[6];
  for (long& value : values) value = va_arg(given, long);
  va_end(given);
  static long (*kept)(long, ...) = nullptr;
  return next(kept, "syscall")(number, values[0], values[1], values[2], values[3], values[4],
                               values[5]);
}
}
