#include "callerapi/otlp.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>
#include <variant>

#include "callerapi/json.hpp"
#include "callerapi/version.hpp"

namespace callerapi {
namespace {

/// OTLP in JSON writes numbers of 64 bits as text.
void write_attribute(json::Writer& out, std::string_view name,
                     const std::variant<std::string, std::int64_t>& value) {
  out.begin_object().member("key", name).key("value").begin_object();
  if (const auto* text = std::get_if<std::string>(&value))
    out.member("stringValue", *text);
  else
    out.member("intValue", std::to_string(std::get<std::int64_t>(value)));
  out.end_object().end_object();
}

void write_span(json::Writer& out, const Span& span) {
  constexpr int status_error = 2;
  out.begin_object().member("traceId", span.trace_id).member("spanId", span.span_id);
  if (!span.trace_state.empty()) out.member("traceState", span.trace_state);
  if (!span.parent_id.empty()) out.member("parentSpanId", span.parent_id);
  out.member("flags", static_cast<int>(span.flags))
      .member("name", span.name)
      .member("kind", static_cast<int>(span.kind))
      .member("startTimeUnixNano", std::to_string(span.began_ns))
      .member("endTimeUnixNano", std::to_string(span.ended_ns))
      .key("attributes")
      .begin_array();
  for (const SpanAttribute& one : span.attributes) write_attribute(out, one.name, one.value);
  out.end_array().key("status").begin_object();
  if (span.failed) out.member("code", status_error);
  if (!span.message.empty()) out.member("message", span.message);
  out.end_object().end_object();
}

/// A file that lines are added to, by any thread.
class LineFile {
 public:
  explicit LineFile(int fd) noexcept : fd_(fd) {}
  ~LineFile() { ::close(fd_); }
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  /// One write: lines of several threads, and processes, stay apart.
  void add(const std::string& line) const {
    const ssize_t written = ::write(fd_, line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size()))
      throw std::system_error(written < 0 ? errno : ENOSPC, std::generic_category(),
                              "a span cannot be written");
  }

 private:
  const int fd_;
};

}  // namespace

std::string otlp_line(const Span& span, std::string_view service_name) {
  json::Writer out;
  out.begin_object().key("resourceSpans").begin_array().begin_object();
  out.key("resource").begin_object().key("attributes").begin_array();
  write_attribute(out, "service.name", std::string(service_name));
  out.end_array().end_object();
  out.key("scopeSpans").begin_array().begin_object();
  out.key("scope")
      .begin_object()
      .member("name", "callerapi")
      .member("version", version_string)
      .end_object();
  out.key("spans").begin_array();
  write_span(out, span);
  out.end_array().end_object().end_array();
  out.end_object().end_array().end_object();
  return out.take();
}

Result<SpanSink> otlp_file(const std::string& path, std::string_view service_name) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0)
    return Error{.outcome = Outcome::invalid_argument,
                 .reason = "otlp_file",
                 .message = path + ": spans cannot be written there: " +
                            std::generic_category().message(errno)};
  auto file = std::make_shared<const LineFile>(fd);
  return SpanSink([file = std::move(file), name = std::string(service_name)](const Span& span) {
    file->add(otlp_line(span, name) + '\n');
  });
}

}  // namespace callerapi
