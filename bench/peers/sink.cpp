// The service of the uploads: takes each request body whole, keeps nothing, then answers. nginx
// would answer before it has read the body, or write it to a file. A thread for each connection.
//   sink PORT ANSWER
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

/// The number behind `Content-Length:`, in whatever case; 0 without one.
unsigned long long length_in(const std::string& head) {
  const char* at = ::strcasestr(head.c_str(), "\r\ncontent-length:");
  return at == nullptr ? 0 : std::strtoull(at + 17, nullptr, 10);
}

void serve(int fd, const std::string& answer) {
  std::vector<char> buffer(1u << 20);
  std::string head;
  for (;;) {
    const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) break;
    head.append(buffer.data(), static_cast<std::size_t>(n));
    const auto end = head.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const auto length = length_in(head.substr(0, end + 2));
    auto got = head.size() - end - 4;
    while (got < length) {
      const auto more = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (more <= 0) break;
      got += static_cast<std::size_t>(more);
    }
    if (got != length) break;
    head.clear();
    if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
  }
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 128) != 0)
    return 1;
  const std::string body = argv[2];
  const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) std::thread(serve, fd, answer).detach();
  }
}
