// Boost.Beast, asynchronous, one thread, with the time-outs a real client sets (expires_after).
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "peer.hpp"

namespace callerapi::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

template <class Stream>
class Lane {
 public:
  template <class... More>
  Lane(const Task& task, Meter& meter, asio::io_context& io, More&... more)
      : task_(task), meter_(meter), stream_(io, more...) {
    request_.method_string(task.method);
    request_.target(task.target);
    request_.version(11);
    request_.set(http::field::host, task.host + ":" + task.port);
    request_.set(http::field::user_agent, "callerapi-bench");
    request_.set(http::field::accept, "application/json");
    if (!task.body.empty()) {
      request_.set(http::field::content_type, "application/json");
      request_.body() = task.body;
      request_.prepare_payload();
    }
    asio::ip::tcp::resolver resolver(io);
    auto& tcp = beast::get_lowest_layer(stream_);
    tcp.connect(resolver.resolve(task.host, task.port));
    tcp.socket().set_option(asio::ip::tcp::no_delay(true));
    if constexpr (!std::is_same_v<Stream, beast::tcp_stream>)
      stream_.handshake(asio::ssl::stream_base::client);
  }

  void begin() {
    if (!meter_.claim()) return;
    began_ = clock_now();
    beast::get_lowest_layer(stream_).expires_after(std::chrono::seconds(30));
    http::async_write(stream_, request_, [this](beast::error_code error, std::size_t) {
      if (error) return meter_.failed(error.message().c_str());
      parser_.emplace();
      parser_->body_limit(boost::none);
      http::async_read(stream_, buffer_, *parser_, [this](beast::error_code failed, std::size_t) {
        if (failed) return meter_.failed(failed.message().c_str());
        meter_.ended(static_cast<int>(parser_->get().result_int()), parser_->get().body().size(),
                     began_);
        begin();
      });
    });
  }

 private:
  const Task& task_;
  Meter& meter_;
  Stream stream_;
  http::request<http::string_body> request_;
  std::optional<http::response_parser<http::string_body>> parser_;
  beast::flat_buffer buffer_;
  TimePoint began_{};
};

template <class Lane, class... More>
int drive(const Task& task, More&... more) {
  asio::io_context io(1);
  Meter meter(task);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (std::size_t i = 0; i < task.lanes; ++i)
    lanes.push_back(std::make_unique<Lane>(task, meter, io, more...));
  return meter.run([&](std::uint64_t) {
    for (auto& lane : lanes) lane->begin();
    io.run();
    io.restart();
  });
}

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  if (!task.tls) return drive<Lane<beast::tcp_stream>>(task);
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_peer);
  context.load_verify_file(task.ca_file);
  return drive<Lane<beast::ssl_stream<beast::tcp_stream>>>(task, context);
}
