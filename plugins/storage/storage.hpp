#pragma once

#include <callerapi/plugin.hpp>

#include "messages.hpp"

/// The contract of the storage service: blobs, named by the SHA-256 of their bytes.
namespace storage {

using namespace callerapi::dsl;

struct Storage {
  static constexpr std::string_view id = "storage", version = "1.0.0", owner = "team-documents";
  using api =
      endpoints<common,
                // The id is the digest of the bytes, so that storing twice is storing once.
                put<"store", "/v1/blobs/{id}", bytes, Stored, path<"id">, opt<"name">, idempotent>,
                callerapi::dsl::get<"fetch", "/v1/blobs/{id}", bytes, path<"id">>,
                callerapi::dsl::get<"meta", "/v1/blobs/{id}/meta", Blob, path<"id">>,
                callerapi::dsl::get<"list", "/v1/blobs", Blobs, opt<"after">, opt<"limit", int>>,
                del<"remove", "/v1/blobs/{id}", none, none, path<"id">, idempotent>>;
};

}  // namespace storage
