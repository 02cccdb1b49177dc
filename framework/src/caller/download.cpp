#include "callerapi/download.hpp"

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "caller/new_file.hpp"
#include "callerapi/client.hpp"

namespace callerapi {
namespace {

Error refuse(std::string text) {
  return {.outcome = Outcome::invalid_argument, .reason = "download", .message = std::move(text)};
}

/// What a broken answer says of the place to go on from.
bool may_resume(const Error& error) {
  return error.outcome == Outcome::response_truncated ||
         error.outcome == Outcome::attempt_timeout || error.outcome == Outcome::connection_reset;
}

/// "bytes 100-199/200" -> first 100, total 200; the total may be unknown ("*").
struct Part {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;
};
std::optional<Part> part_of(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
  };
  const auto dash = text.find('-'), slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
    return std::nullopt;
  const auto first = number(text.substr(0, dash));
  const auto total = number(text.substr(slash + 1));
  if (!first || (!total && text.substr(slash + 1) != "*")) return std::nullopt;
  return Part{*first, total};
}

/// One download from its first request to the last byte.
class Transfer {
 public:
  Transfer(Caller& caller, std::string_view service, std::string_view endpoint, Request request,
           caller::NewFile file)
      : caller_(caller),
        service_(service),
        endpoint_(endpoint),
        request_(std::move(request)),
        file_(std::move(file)) {}

  Result<Downloaded> run() {
    for (;;) {
      auto stream = caller_.open_stream(service_, endpoint_, next_request());
      if (!stream) return std::move(stream).error();
      if (auto begun = begin(*stream); !begun) return std::move(begun).error();
      auto done = copy(*stream);
      if (done) break;
      const bool again = may_resume(done.error()) && !etag_.empty() &&
                         done_.resumed < base::limits::download_resumes_max;
      if (!again) return std::move(done).error();
      ++done_.resumed;
    }
    if (total_ && *total_ != done_.bytes)
      return Error{.outcome = Outcome::response_truncated,
                   .reason = "length",
                   .message = endpoint_name() + ": " + std::to_string(done_.bytes) + " of " +
                              std::to_string(*total_) + " bytes arrived",
                   .phase = Phase::body,
                   .sent = Sent::yes};
    if (auto named = file_.commit(); !named) return std::move(named).error();
    return std::move(done_);
  }

 private:
  std::string endpoint_name() const { return std::string(service_) + "." + std::string(endpoint_); }

  Request next_request() const {
    Request next = request_.without_body();
    next.key = request_.key;
    // A range counts the bytes that are sent: coded ones would not be those of the document.
    next.headers.set("Accept-Encoding", "identity");
    if (done_.bytes > 0) {
      next.headers.set("Range", "bytes=" + std::to_string(done_.bytes) + "-");
      next.headers.set("If-Range", etag_);
    }
    return next;
  }

  /// Looks at the head: where do its bytes belong?
  Result<void> begin(BodyStream& stream) {
    const bool part = done_.bytes > 0 && stream.status() == 206;
    if (!part && stream.status() != 200) return refused(stream);
    if (part) {
      const auto found = part_of(stream.headers().get("Content-Range").value_or(""));
      // RFC 9110 15.3.7.3: parts belong together if their strong validators are the same.
      const bool same = stream.headers().get("ETag").value_or(etag_) == etag_;
      if (!found || found->first != done_.bytes || !same ||
          (total_ && found->total && found->total != total_))
        return Error{.outcome = Outcome::protocol_error,
                     .reason = "content_range",
                     .message = endpoint_name() + ": asked for the bytes from " +
                                std::to_string(done_.bytes) + " on, got another part",
                     .phase = Phase::head,
                     .sent = Sent::yes,
                     .status = stream.status()};
      if (found->total) total_ = found->total;
      if (total_) return {};
      return Error{.outcome = Outcome::protocol_error,
                   .reason = "content_range",
                   .message = endpoint_name() + ": the bytes from " + std::to_string(done_.bytes) +
                              " on came without the length of the whole, so that nobody knows "
                              "whether they are all",
                   .phase = Phase::head,
                   .sent = Sent::yes,
                   .status = stream.status()};
    }
    if (done_.bytes > 0)
      if (auto empty = file_.restart(); !empty) return empty;
    done_.bytes = 0;
    done_.head = stream.head();
    const auto etag = stream.headers().get("ETag").value_or("");
    etag_ = etag.starts_with('"') ? etag : "";
    const auto length = stream.headers().get("Content-Length");
    total_ =
        length ? std::optional<std::uint64_t>(std::stoull(std::string(*length))) : std::nullopt;
    return {};
  }

  Error refused(BodyStream& stream) const {
    Response answer = stream.head();
    if (answer.status >= 400) {
      if (auto body = stream.read_all()) answer.body = std::move(*body);
      Error error = *detail::status_error(answer);
      error.message = endpoint_name() + ": " + error.message;
      return error;
    }
    return {.outcome = Outcome::http_status,
            .reason = std::to_string(answer.status),
            .message = endpoint_name() + ": HTTP " + std::to_string(answer.status) +
                       " is no document; expected 200",
            .phase = Phase::head,
            .sent = Sent::yes,
            .status = answer.status,
            .attempts = answer.attempts,
            .time = answer.time,
            .record = answer.record};
  }

  Result<void> copy(BodyStream& stream) {
    std::vector<char> piece(base::limits::bulk_bytes);
    for (;;) {
      auto got = stream.read(piece);
      if (!got) return std::move(got).error();
      if (*got == 0) return {};
      if (auto written = file_.write({piece.data(), *got}); !written) return written;
      done_.bytes += *got;
    }
  }

  Caller& caller_;
  const std::string_view service_, endpoint_;
  const Request request_;
  caller::NewFile file_;
  std::string etag_;  ///< Strong, or empty: cannot be resumed.
  std::optional<std::uint64_t> total_;
  Downloaded done_;
};

}  // namespace

Result<Downloaded> download(Caller& caller, std::string_view service, std::string_view endpoint,
                            Request request, const std::string& path) {
  if (!std::holds_alternative<Request::NoBody>(request.payload) || request.sink)
    return refuse("download: the request must have neither a body nor a sink");
  if (request.headers.contains("Range"))
    return refuse("download: leave out Range; the whole document is fetched");
  auto file = caller::NewFile::create(path);
  if (!file) return std::move(file).error();
  return Transfer(caller, service, endpoint, std::move(request), std::move(*file)).run();
}

}  // namespace callerapi
