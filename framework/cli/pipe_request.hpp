#pragma once

#include <string>
#include <string_view>

#include "callerapi/json.hpp"
#include "callerapi/request.hpp"
#include "callerapi/response.hpp"

namespace callerapi::cli {

/// One line of the pipe, read.
struct PipeRequest {
  std::string id, op, service, endpoint, method, path, target;
  Request request;
};

/// Errors: `invalid_argument`; what is wrong with the line. `id` is filled in as soon as it is
/// known, so that the answer can carry it.
Result<PipeRequest> read_line(std::string_view line, std::string& id);

/// The answer to one call, one line without its end.
std::string answer_line(std::string_view id, const Result<Response>& result);
/// The answer to a line that could not be read.
std::string bad_line(std::string_view id, std::size_t number, const Error& error);

}  // namespace callerapi::cli
