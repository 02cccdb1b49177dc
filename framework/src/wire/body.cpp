#include "callerapi/body.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/hash.hpp"
#include "callerapi/multipart.hpp"
#include "callerapi/request.hpp"

namespace callerapi {

BodySource::~BodySource() = default;
BodySink::~BodySink() = default;

namespace {

Error source_error(std::string text) {
  return {.outcome = Outcome::body_source_error, .reason = "source", .message = std::move(text)};
}

/// Reads by offset, so that rewinding is free. The length is fixed when it is opened.
class FileSource final : public BodySource {
 public:
  FileSource(int fd, std::uint64_t length, std::string path)
      : fd_(fd), length_(length), path_(std::move(path)) {}
  ~FileSource() override { ::close(fd_); }

  Result<std::size_t> read(std::span<char> into) override {
    // A log file may grow meanwhile: what was declared is what is sent.
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), length_ - at_));
    for (;;) {
      const ssize_t n = ::pread(fd_, into.data(), size, static_cast<off_t>(at_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return source_error(path_ + ": " + std::strerror(errno));
      at_ += static_cast<std::uint64_t>(n);
      return static_cast<std::size_t>(n);
    }
  }
  std::optional<std::uint64_t> length() const override { return length_; }
  bool rewind() override {
    at_ = 0;
    return true;
  }
  bool rewindable() const override { return true; }

 private:
  const int fd_;
  const std::uint64_t length_;
  const std::string path_;
  std::uint64_t at_ = 0;
};

class GeneratorSource final : public BodySource {
 public:
  GeneratorSource(Body::Generator generate, std::optional<std::uint64_t> length)
      : generate_(std::move(generate)), length_(length) {}

  Result<std::size_t> read(std::span<char> into) override {
    begun_ = true;
    return generate_(into);
  }
  std::optional<std::uint64_t> length() const override { return length_; }
  bool rewind() override { return !begun_; }

 private:
  Body::Generator generate_;
  const std::optional<std::uint64_t> length_;
  bool begun_ = false;
};

}  // namespace

Body Body::text(std::string text, std::string content_type) {
  Body body;
  body.text_ = std::move(text);
  body.content_type_ = std::move(content_type);
  return body;
}

Result<Body> Body::file(const std::string& path, std::string content_type) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return source_error(path + ": " + std::strerror(errno));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return source_error(path + ": not a regular file");
  }
  return source(std::make_unique<FileSource>(fd, static_cast<std::uint64_t>(info.st_size), path),
                std::move(content_type));
}

Body Body::generated(Generator generate, std::optional<std::uint64_t> length,
                     std::string content_type) {
  return source(std::make_unique<GeneratorSource>(std::move(generate), length),
                std::move(content_type));
}

Body Body::source(std::unique_ptr<BodySource> source, std::string content_type) {
  Body body;
  body.source_ = std::move(source);
  body.content_type_ = std::move(content_type);
  return body;
}

Multipart& Multipart::field(std::string name, std::string value) {
  return part({std::move(name), {}, {}, Body::text(std::move(value))});
}

Multipart& Multipart::file(std::string name, std::string path, std::string content_type) {
  auto body = Body::file(path);
  if (!body) {
    if (state_) state_ = std::move(body).error();
    return *this;
  }
  const auto slash = path.find_last_of('/');
  return part({std::move(name), path.substr(slash == std::string::npos ? 0 : slash + 1),
               std::move(content_type), std::move(*body)});
}

Multipart& Multipart::bytes(std::string name, std::string filename, std::string bytes,
                            std::string content_type) {
  return part({std::move(name), std::move(filename), std::move(content_type),
               Body::text(std::move(bytes))});
}

Multipart& Multipart::part(Part part) {
  parts_.push_back(std::move(part));
  return *this;
}

Request&& Request::path(std::string name, std::string value) && {
  path_values.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}
Request&& Request::query(std::string name, std::string value) && {
  query_values.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}
Request&& Request::header(std::string_view name, std::string_view value) && {
  headers.add(name, value);
  return std::move(*this);
}
Request&& Request::json_text(std::string text) && {
  payload = Json{std::move(text)};
  return std::move(*this);
}
Request&& Request::form(std::string name, std::string value) && {
  if (!std::holds_alternative<Form>(payload)) payload = Form{};
  std::get<Form>(payload).fields.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}
Request&& Request::multipart(Multipart parts) && {
  payload = std::move(parts);
  return std::move(*this);
}
Request&& Request::body(Body body) && {
  payload = std::move(body);
  return std::move(*this);
}
Request&& Request::timeout(Duration total) && {
  timeout_total = total;
  return std::move(*this);
}
Request&& Request::deadline(TimePoint deadline) && {
  deadline_at = deadline;
  return std::move(*this);
}
Request&& Request::context(const Context& context) && {
  lent = context;
  return std::move(*this);
}
Request&& Request::hash_key(std::string_view own_key) && {
  hash.reset();
  if (!own_key.empty()) hash = base::hash_of(own_key);
  return std::move(*this);
}
Request&& Request::idempotency_key(std::string own_key) && {
  key = std::move(own_key);
  return std::move(*this);
}
Request&& Request::into(std::shared_ptr<BodySink> into) && {
  sink = std::move(into);
  return std::move(*this);
}
Request&& Request::at(std::string target) && {
  url = std::move(target);
  return std::move(*this);
}
Request Request::without_body() const {
  Request copy;
  copy.path_values = path_values;
  copy.query_values = query_values;
  copy.url = url;
  copy.headers = headers;
  copy.timeout_total = timeout_total;
  copy.deadline_at = deadline_at;
  copy.attempts_max = attempts_max;
  copy.hash = hash;
  copy.wants_record = wants_record;
  copy.lent = lent;
  return copy;
}
Request&& Request::explain() && {
  wants_record = true;
  return std::move(*this);
}
Request&& Request::max_attempts(int attempts) && {
  attempts_max = attempts;
  return std::move(*this);
}

}  // namespace callerapi
