#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>

namespace callerapi::support {

/// What `said` answers in a child that is not root, for which alone its limits hold.
inline std::string said_by_child(const std::function<std::string()>& said) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    const bool mere = ::geteuid() != 0 || ::setuid(65534) == 0;
    const std::string text = mere ? said() : "cannot become another user";
    (void)!::write(ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ends[0], text.data(), 4096))));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return text;
}
/// The most processes and threads that this user may begin from now on.
inline void let_threads(rlim_t most) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  limit.rlim_cur = std::min(most, limit.rlim_max);
  ::setrlimit(RLIMIT_NPROC, &limit);
}

}  // namespace callerapi::support
