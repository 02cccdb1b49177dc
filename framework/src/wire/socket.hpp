#pragma once

#include <memory>
#include <string>

#include "callerapi/result.hpp"
#include "wire/stream.hpp"

namespace callerapi::wire {

/// "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock".
std::string to_text(const Address& address);

/// Where a stream leads, as the kernel knows it, in the same form; empty where there is no socket.
/// One system call.
std::string peer_text(const Stream& stream);

/// Begins a non-blocking connect on a Poco StreamSocket: close-on-exec, no delay. Exceptions of
/// Poco end here. Errors: `resource_exhausted` (fds, ports, memory), `connect_error`.
Result<std::unique_ptr<Stream>> connect_socket(const Address& to);

/// What a failed connect to `to` is called.
Error connect_failure(int error, const Address& to);

/// What an errno of connecting or transferring means: `refused`, `unreachable`, `reset`, ...
const char* errno_reason(int error) noexcept;

}  // namespace callerapi::wire
