#pragma once

#include <string>
#include <utility>
#include <vector>

#include "callerapi/body.hpp"

namespace callerapi {

/// A multipart/form-data body (RFC 7578), streamed part by part: files are never read whole.
/// Move-only; build it, then hand it to Request::multipart().
class CALLERAPI_API Multipart {
 public:
  /// One part. Move-only.
  struct Part {
    std::string name;      ///< Form field; control bytes are refused when sent, quotes become %22.
    std::string filename;  ///< Empty: a plain field.
    std::string content_type;  ///< Empty: text/plain for fields, octet-stream for files.
    Body body;
  };

  /// A plain field.
  Multipart& field(std::string name, std::string value);
  /// Opens `path` now and reads it as it is sent; state() holds the first failure, and the call
  /// answers it, `body_source_error`.
  Multipart& file(std::string name, std::string path, std::string content_type = {});
  /// A file from memory.
  Multipart& bytes(std::string name, std::string filename, std::string bytes,
                   std::string content_type = {});
  /// For generators and sources of your own.
  Multipart& part(Part part);

  /// What was added, in its order; valid until the next change.
  const std::vector<Part>& parts() const& noexcept { return parts_; }
  std::vector<Part> take() && { return std::move(parts_); }
  /// What went wrong while parts were added, such as a file that is not there.
  const Result<void>& state() const noexcept { return state_; }

 private:
  std::vector<Part> parts_;
  Result<void> state_;
};

}  // namespace callerapi
