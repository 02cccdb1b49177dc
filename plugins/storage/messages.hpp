#pragma once

#include <callerapi/json.hpp>
#include <cstdint>
#include <string>
#include <vector>

/// What travels between the storage service and its callers.
namespace storage {

/// A stored blob. `id` is the SHA-256 of its bytes, in lower-case hexadecimal.
struct Blob {
  std::string id, name, content_type;
  std::int64_t size = 0;
};
CALLERAPI_JSON(Blob, id, name, content_type, size)

/// The answer to a store: `created` is false when the same bytes were there already.
struct Stored {
  std::string id;
  std::int64_t size = 0;
  bool created = false;
};
CALLERAPI_JSON(Stored, id, size, created)

/// A page of the list, by id; `next` is where the following page starts, absent on the last.
struct Blobs {
  std::int64_t total = 0;
  std::vector<Blob> blobs;
  std::optional<std::string> next;
};
CALLERAPI_JSON(Blobs, total, blobs, next)

}  // namespace storage
