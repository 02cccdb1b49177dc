#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace Poco::Net {
class HTTPServerRequest;
class HTTPServerResponse;
}  // namespace Poco::Net

/// What the small services of this tree share: a loopback HTTP server and its plain answers.
namespace service {

/// One request and its answer, on the server's side. Answer exactly once. One thread.
class Exchange {
 public:
  Exchange(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response);

  const std::string& method() const;
  /// The decoded path, without its query.
  const std::string& path() const noexcept { return path_; }
  /// The first query parameter of that name, decoded.
  std::optional<std::string> query(std::string_view name) const;
  std::string header(const std::string& name) const;
  /// Text that a `{hole}` of the route matched, by position.
  const std::string& hole(std::size_t index) const { return holes_.at(index); }
  void set_holes(std::vector<std::string> holes) { holes_ = std::move(holes); }

  /// The body as it arrives.
  std::istream& body();
  /// The whole body, or nothing after a 413 or 400 was answered: longer than `bytes_max`, or ended
  /// before its Content-Length.
  std::optional<std::string> whole_body(std::size_t bytes_max);
  /// Bytes the peer announced; nothing for a chunked body.
  std::optional<std::uint64_t> announced_bytes() const;

  void set_header(const std::string& name, const std::string& value);
  void reply(int status, const std::string& content_type, std::string_view body);
  void reply_json(int status, std::string_view json) { reply(status, "application/json", json); }
  /// No body: 204 and 304.
  void reply_empty(int status);
  /// Bytes [first, first + count) of a file.
  void reply_file(int status, const std::string& content_type, const std::string& path,
                  std::uint64_t first, std::uint64_t count);
  /// RFC 9457.
  void problem(int status, std::string_view detail);
  bool answered() const noexcept { return answered_; }

 private:
  void begin(int status, const std::string& content_type);

  Poco::Net::HTTPServerRequest& request_;
  Poco::Net::HTTPServerResponse& response_;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> query_;
  std::vector<std::string> holes_;
  bool answered_ = false;
};

}  // namespace service
