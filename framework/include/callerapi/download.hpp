#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "callerapi/caller.hpp"
#include "callerapi/export.hpp"
#include "callerapi/request.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"

namespace callerapi {

/// What download() has brought.
struct Downloaded {
  std::uint64_t bytes = 0;  ///< The file's length.
  int resumed = 0;          ///< How often it went on after the connection broke.
  Response head;            ///< Of the first answer, without its body.
};

/// Streams the answer of `endpoint` into the file `path`, all or nothing: the bytes go to a new
/// file beside it, which is synced and takes the name when its length is certain; until then, and
/// after any error but a folder that the disk fails to write at the very end, `path` is as it was.
/// Blocks.
///
/// A body that breaks off is taken up again with Range and If-Range, at most 8 times, when the
/// service gave a strong ETag; if the document changed meanwhile it begins anew. The bytes are
/// stored as the service keeps them: no coding is asked for. timeout() bounds each request's head,
/// deadline() the whole.
///
/// Errors: those of the call; `http_status` for any status but 200; `invalid_argument`, reason
/// `download`, for a request with a body, a sink or a Range, reason `file` for a path that cannot
/// be written; `resource_exhausted`, reason `file`, when writing fails later.
CALLERAPI_API Result<Downloaded> download(Caller& caller, std::string_view service,
                                          std::string_view endpoint, Request request,
                                          const std::string& path);

}  // namespace callerapi
