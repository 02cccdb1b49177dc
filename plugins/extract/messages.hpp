#pragma once

#include <callerapi/json.hpp>
#include <cstdint>
#include <string>

/// What travels between the extract service and its callers.
namespace extract {

/// The text of a document, in UTF-8 without control characters but line feed and tab. `pages` is 1
/// for formats that have none.
struct Extracted {
  std::string text, title, content_type;
  std::int64_t pages = 1;
};
CALLERAPI_JSON(Extracted, text, title, content_type, pages)

}  // namespace extract
