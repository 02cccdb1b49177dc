#include "support/tls_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

namespace callerapi::support {
namespace {

using namespace std::string_view_literals;

std::size_t body_length(const std::string& head) {
  const auto at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
}

BIO* reader(const std::string& text) {
  return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
}

void use_identity(SSL_CTX* context, const Certificate& identity) {
  BIO* bio = reader(identity.chain);
  bool first = true;
  while (X509* one = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    const int used = first ? SSL_CTX_use_certificate(context, one)
                           : static_cast<int>(SSL_CTX_add1_chain_cert(context, one));
    if (used != 1) throw std::runtime_error("the server's certificate is refused");
    X509_free(one);
    first = false;
  }
  BIO_free(bio);
  ERR_clear_error();
  bio = reader(identity.key);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_PrivateKey(context, key);
  EVP_PKEY_free(key);
  BIO_free(bio);
}

void ask_for_certificates(SSL_CTX* context, const TlsBehaviour& behaviour) {
  if (behaviour.client_authority.empty()) return;
  BIO* bio = reader(behaviour.client_authority);
  X509* authority = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
  SSL_CTX_add_client_CA(context, authority);
  X509_free(authority);
  BIO_free(bio);
  SSL_CTX_set_verify(
      context, SSL_VERIFY_PEER | (behaviour.client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
      nullptr);
}

}  // namespace

struct TlsServer::State {
  TlsBehaviour behaviour;
  Answer answer;
  SSL_CTX* context = nullptr;
  int listener = -1, port = 0;
  std::atomic<int> accepted{0}, handshakes{0}, resumed{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<bool> stopping{false};
  std::mutex mutex;  // protects what follows
  std::string server_name = "(none)", client_name;
  std::set<int> open;
  std::vector<std::thread> threads;
  std::thread acceptor;

  static int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*,
                    unsigned, void* self) {
    const std::string& protocol = static_cast<State*>(self)->behaviour.protocol;
    if (protocol.empty()) return SSL_TLSEXT_ERR_NOACK;
    *out = reinterpret_cast<const unsigned char*>(protocol.data());
    *size = static_cast<unsigned char>(protocol.size());
    return SSL_TLSEXT_ERR_OK;
  }

  void set_up() {
    context = SSL_CTX_new(TLS_server_method());
    if (behaviour.weak) SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, behaviour.min_version);
    SSL_CTX_set_max_proto_version(context, behaviour.max_version);
    if (!behaviour.ciphers.empty()) SSL_CTX_set_cipher_list(context, behaviour.ciphers.c_str());
    if (!behaviour.groups.empty()) SSL_CTX_set1_groups_list(context, behaviour.groups.c_str());
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("t"), 1);
    SSL_CTX_set_alpn_select_cb(context, choose, this);
    if (!behaviour.identity.pem.empty()) use_identity(context, behaviour.identity);
    ask_for_certificates(context, behaviour);
  }

  void note_handshake(SSL* ssl) {
    ++handshakes;
    if (SSL_session_reused(ssl) == 1) ++resumed;
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const X509* client = SSL_get0_peer_certificate(ssl);
    char shown[256] = {};
    if (client)
      X509_NAME_get_text_by_NID(X509_get_subject_name(client), NID_commonName, shown, sizeof shown);
    std::lock_guard lock(mutex);
    server_name = name ? name : "(none)";
    client_name = shown;
  }

  static bool write_all(SSL* ssl, std::string_view bytes) {
    while (!bytes.empty()) {
      const int n = SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()));
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// False: the connection is over.
  bool answer_all(SSL* ssl, std::string& input, int number) {
    for (;;) {
      const auto end = input.find("\r\n\r\n");
      if (end == std::string::npos) return true;
      SeenRequest request;
      request.head = input.substr(0, end + 2);
      const std::size_t length = body_length(request.head);
      if (input.size() < end + 4 + length) return true;
      request.body = input.substr(end + 4, length);
      input.erase(0, end + 4 + length);
      const auto space = request.head.find(' ');
      request.method = request.head.substr(0, space);
      request.target =
          request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
      request.connection = number;
      const Script script = answer(request);
      if (script.piecewise) {
        for (const char& c : script.bytes) write_all(ssl, {&c, 1});
      } else {
        write_all(ssl, script.bytes);
      }
      if (script.close) return false;
    }
  }

  void talk_tls(int fd, int number) {
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    ERR_clear_error();
    if (SSL_accept(ssl) == 1) {
      note_handshake(ssl);
      std::string input;
      char buffer[65536];
      int n = 0;
      while ((n = SSL_read(ssl, buffer, sizeof buffer)) > 0) {
        bytes += static_cast<std::uint64_t>(n);
        input.append(buffer, static_cast<std::size_t>(n));
        if (!answer_all(ssl, input, number)) break;
      }
      if (behaviour.close_notify) SSL_shutdown(ssl);
    }
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    ERR_clear_error();
  }

  void talk(int fd, int number) {
    char buffer[4096];
    switch (behaviour.mode) {
      case TlsBehaviour::Mode::tls:
        talk_tls(fd, number);
        break;
      case TlsBehaviour::Mode::silent:
        while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
        }
        break;
      case TlsBehaviour::Mode::closing:
        ::recv(fd, buffer, sizeof buffer, 0);
        break;
      case TlsBehaviour::Mode::plain:
      case TlsBehaviour::Mode::garbage: {
        ::recv(fd, buffer, sizeof buffer, 0);
        const std::string_view said = behaviour.mode == TlsBehaviour::Mode::plain
                                          ? "HTTP/1.1 400 Bad Request\r\n\r\n"sv
                                          : "\x16\x03\x03\x00\x04\x63\x00\x00\x00"sv;
        ::send(fd, said.data(), said.size(), MSG_NOSIGNAL);
        while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
        }
        break;
      }
    }
    ::shutdown(fd, SHUT_WR);
    std::lock_guard lock(mutex);
    open.erase(fd);
    ::close(fd);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      std::lock_guard lock(mutex);
      if (fd < 0 || stopping) {
        if (fd >= 0) ::close(fd);
        return;
      }
      open.insert(fd);
      threads.emplace_back([this, fd, number = ++accepted] {
        // SSL_write raises it where a peer is gone.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        talk(fd, number);
      });
    }
  }

  void drop() {
    std::lock_guard lock(mutex);
    for (const int fd : open) ::shutdown(fd, SHUT_RDWR);
  }
};

TlsServer::TlsServer(TlsBehaviour behaviour, Answer answer) : state_(std::make_unique<State>()) {
  state_->behaviour = std::move(behaviour);
  state_->answer = std::move(answer);
  state_->set_up();
  state_->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(state_->listener, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(state_->listener, 1024);
  ::getsockname(state_->listener, reinterpret_cast<sockaddr*>(&address), &size);
  state_->port = ntohs(address.sin_port);
  state_->acceptor = std::thread([state = state_.get()] { state->accept_all(); });
}

TlsServer::~TlsServer() {
  state_->stopping = true;
  ::shutdown(state_->listener, SHUT_RDWR);
  state_->acceptor.join();
  state_->drop();
  for (std::thread& thread : state_->threads) thread.join();
  ::close(state_->listener);
  SSL_CTX_free(state_->context);
}

int TlsServer::port() const noexcept { return state_->port; }
int TlsServer::connections() const { return state_->accepted; }
int TlsServer::handshakes() const { return state_->handshakes; }
int TlsServer::resumed() const { return state_->resumed; }
std::uint64_t TlsServer::application_bytes() const { return state_->bytes; }

std::string TlsServer::server_name() const {
  std::lock_guard lock(state_->mutex);
  return state_->server_name;
}

std::string TlsServer::client_name() const {
  std::lock_guard lock(state_->mutex);
  return state_->client_name;
}

void TlsServer::drop_connections() { state_->drop(); }

}  // namespace callerapi::support
