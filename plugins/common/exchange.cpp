#include "common/exchange.hpp"

#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/URI.h>

#include <algorithm>
#include <array>
#include <callerapi/json.hpp>
#include <fstream>

namespace service {
namespace {

// A refused body up to this size is read and dropped, so that its connection stays usable.
constexpr std::uint64_t drain_bytes_max = 1u << 20;

std::uint64_t drain(std::istream& from) {
  std::array<char, std::size_t{16} << 10> piece;
  std::uint64_t bytes = 0;
  while (bytes <= drain_bytes_max && from.good()) {
    from.read(piece.data(), piece.size());
    bytes += static_cast<std::uint64_t>(from.gcount());
  }
  return bytes;
}

}  // namespace

Exchange::Exchange(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response)
    : request_(request), response_(response) {
  const Poco::URI uri(request.getURI());
  path_ = uri.getPath();
  for (auto& [name, value] : uri.getQueryParameters()) query_.emplace_back(name, value);
}

const std::string& Exchange::method() const { return request_.getMethod(); }

std::optional<std::string> Exchange::query(std::string_view name) const {
  const auto at = std::find_if(query_.begin(), query_.end(),
                               [&](const auto& pair) { return pair.first == name; });
  if (at == query_.end()) return std::nullopt;
  return at->second;
}

std::string Exchange::header(const std::string& name) const { return request_.get(name, ""); }

std::istream& Exchange::body() { return request_.stream(); }

std::optional<std::uint64_t> Exchange::announced_bytes() const {
  if (!request_.hasContentLength()) return std::nullopt;
  return static_cast<std::uint64_t>(request_.getContentLength64());
}

std::optional<std::string> Exchange::whole_body(std::size_t bytes_max) {
  const auto announced = announced_bytes();
  std::string bytes;
  std::array<char, std::size_t{16} << 10> piece;
  if (!announced || *announced <= bytes_max) {
    while (bytes.size() <= bytes_max && body().good()) {
      body().read(piece.data(), piece.size());
      bytes.append(piece.data(), static_cast<std::size_t>(body().gcount()));
    }
  }
  if (bytes.size() > bytes_max || (announced && *announced > bytes_max)) {
    problem(413, "the body is longer than " + std::to_string(bytes_max) + " bytes");
    return std::nullopt;
  }
  // Poco's fixed-length stream shows a broken connection as a plain end.
  if (announced && bytes.size() != *announced) {
    problem(400, "the body ended after " + std::to_string(bytes.size()) + " of " +
                     std::to_string(*announced) + " bytes");
    return std::nullopt;
  }
  return bytes;
}

void Exchange::set_header(const std::string& name, const std::string& value) {
  response_.set(name, value);
}

void Exchange::begin(int status, const std::string& content_type) {
  answered_ = true;
  // What is left of a body would be read as the next request.
  if (drain(body()) > drain_bytes_max) response_.setKeepAlive(false);
  response_.setStatusAndReason(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(status));
  if (!content_type.empty()) response_.setContentType(content_type);
}

void Exchange::reply(int status, const std::string& content_type, std::string_view body) {
  begin(status, content_type);
  response_.sendBuffer(body.data(), body.size());
}

void Exchange::reply_empty(int status) {
  begin(status, "");
  response_.send().flush();
}

void Exchange::reply_file(int status, const std::string& content_type, const std::string& path,
                          std::uint64_t first, std::uint64_t count) {
  std::ifstream file(path, std::ios::binary);
  if (!file.seekg(static_cast<std::streamoff>(first))) {
    problem(500, "the stored file cannot be read");
    return;
  }
  begin(status, content_type);
  response_.setContentLength64(static_cast<Poco::Int64>(count));
  std::ostream& out = response_.send();
  std::array<char, std::size_t{64} << 10> piece;
  while (count > 0 && out.good()) {
    file.read(piece.data(),
              static_cast<std::streamsize>(std::min<std::uint64_t>(count, piece.size())));
    if (file.gcount() == 0) break;
    out.write(piece.data(), file.gcount());
    count -= static_cast<std::uint64_t>(file.gcount());
  }
  out.flush();
  // Ending short is the only way left to say that something went wrong.
  if (count > 0) response_.setKeepAlive(false);
}

void Exchange::problem(int status, std::string_view detail) {
  callerapi::json::Writer json;
  json.begin_object();
  json.member("title", Poco::Net::HTTPResponse::getReasonForStatus(
                           static_cast<Poco::Net::HTTPResponse::HTTPStatus>(status)));
  json.member("status", status).member("detail", detail).end_object();
  reply(status, "application/problem+json", json.text());
}

}  // namespace service
