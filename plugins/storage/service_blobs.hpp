#pragma once

#include <Poco/Data/Session.h>

#include <cstdint>
#include <istream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "storage/messages.hpp"

namespace storage {

/// Sixty-four lower-case hexadecimal digits.
bool is_blob_id(std::string_view text) noexcept;

/// Blobs in files, their names in SQLite. A row exists only after its file is complete, so that a
/// process killed at any point leaves either a whole blob or none. Thread-safe.
class BlobStore {
 public:
  enum class Outcome { created, present, wrong_digest, broken_off };

  /// Clears what a killed predecessor left half-written.
  explicit BlobStore(std::string folder);

  /// Streams `body` to disk; its digest must be `blob.id`. Sets `blob.size`. `announced`: bytes
  /// the peer promised.
  Outcome store(Blob& blob, std::istream& body, std::optional<std::uint64_t> announced);
  std::optional<Blob> find(const std::string& id);
  std::string path_of(const std::string& id) const;
  void remove(const std::string& id);
  /// At most `limit` blobs with an id greater than `after`.
  Blobs list(const std::string& after, int limit);

 private:
  std::string folder_;
  // One session, one statement at a time; bytes move without it.
  std::mutex mutex_;
  Poco::Data::Session session_;
};

}  // namespace storage
