#include <charconv>
#include <iostream>

#include "common/server.hpp"
#include "storage/service_blobs.hpp"
#include "storage/service_range.hpp"

namespace storage {
namespace {

constexpr int page_default = 100, page_max = 1000;

/// Answers 400 and false when the path names no digest.
bool check_id(service::Exchange& exchange) {
  if (is_blob_id(exchange.hole(0))) return true;
  exchange.problem(400, "a blob's id is its SHA-256, 64 lower-case hexadecimal digits");
  return false;
}

std::optional<Blob> find(BlobStore& store, service::Exchange& exchange) {
  if (!check_id(exchange)) return std::nullopt;
  auto blob = store.find(exchange.hole(0));
  if (!blob) exchange.problem(404, "no blob has this id");
  return blob;
}

void put(BlobStore& store, service::Exchange& exchange) {
  if (!check_id(exchange)) return;
  Blob blob{exchange.hole(0), exchange.query("name").value_or(""), exchange.header("Content-Type"),
            0};
  if (blob.content_type.empty()) blob.content_type = "application/octet-stream";
  switch (store.store(blob, exchange.body(), exchange.announced_bytes())) {
    case BlobStore::Outcome::wrong_digest:
      return exchange.problem(422, "the SHA-256 of the body is not the id in the path");
    case BlobStore::Outcome::broken_off:
      return exchange.problem(400, "the body ended before its Content-Length");
    case BlobStore::Outcome::created:
      return exchange.reply_json(201, callerapi::to_json(Stored{blob.id, blob.size, true}));
    case BlobStore::Outcome::present:
      return exchange.reply_json(200, callerapi::to_json(Stored{blob.id, blob.size, false}));
  }
}

void fetch(BlobStore& store, service::Exchange& exchange) {
  const auto blob = find(store, exchange);
  if (!blob) return;
  const std::string tag = '"' + blob->id + '"';
  exchange.set_header("ETag", tag);
  exchange.set_header("Accept-Ranges", "bytes");
  if (exchange.header("If-None-Match") == tag) return exchange.reply_empty(304);
  const auto size = static_cast<std::uint64_t>(blob->size);
  Range range;
  const RangeKind kind = read_range(exchange.header("Range"), size, range);
  const std::string of = "/" + std::to_string(size);
  if (kind == RangeKind::unsatisfiable) {
    exchange.set_header("Content-Range", "bytes *" + of);
    return exchange.problem(416, "the blob has " + std::to_string(size) + " bytes");
  }
  if (kind == RangeKind::part)
    exchange.set_header("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                             std::to_string(range.first + range.count - 1) + of);
  exchange.reply_file(kind == RangeKind::part ? 206 : 200, blob->content_type,
                      store.path_of(blob->id), range.first, range.count);
}

void list(BlobStore& store, service::Exchange& exchange) {
  int limit = page_default;
  if (const auto text = exchange.query("limit")) {
    const auto end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, limit);
    if (error != std::errc() || stop != end || limit < 1 || limit > page_max)
      return exchange.problem(400, "limit is 1 to " + std::to_string(page_max));
  }
  exchange.reply_json(200,
                      callerapi::to_json(store.list(exchange.query("after").value_or(""), limit)));
}

std::vector<service::Route> routes(BlobStore& store) {
  using service::Exchange;
  return {
      {"PUT", "/v1/blobs/{id}", [&store](Exchange& e) { put(store, e); }},
      {"GET", "/v1/blobs/{id}", [&store](Exchange& e) { fetch(store, e); }},
      {"GET", "/v1/blobs/{id}/meta",
       [&store](Exchange& e) {
         if (const auto blob = find(store, e)) e.reply_json(200, callerapi::to_json(*blob));
       }},
      {"GET", "/v1/blobs", [&store](Exchange& e) { list(store, e); }},
      {"DELETE", "/v1/blobs/{id}",
       [&store](Exchange& e) {
         if (!check_id(e)) return;
         store.remove(e.hole(0));
         e.reply_empty(204);
       }},
  };
}

}  // namespace
}  // namespace storage

int main(int argc, char** argv) try {
  service::Arguments arguments;
  if (!service::read_arguments(argc, argv, arguments)) return 2;
  storage::BlobStore store(arguments.data);
  return service::serve("storage", "1.0.0", arguments, storage::routes(store));
} catch (const std::exception& e) {
  std::cerr << "storage: " << e.what() << '\n';
  return 1;
}
