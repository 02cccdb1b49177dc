#include "storage/service_blobs.hpp"

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/Statement.h>
#include <Poco/DigestEngine.h>
#include <Poco/SHA2Engine.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace storage {
namespace {

namespace fs = std::filesystem;
using namespace Poco::Data::Keywords;

/// Registers SQLite with Poco::Data before the first session is made.
std::string connector() {
  Poco::Data::SQLite::Connector::registerConnector();
  return Poco::Data::SQLite::Connector::KEY;
}

/// A file that is gone again unless it was moved to its place.
class Incoming {
 public:
  explicit Incoming(const std::string& folder)
      : path_(folder + "/incoming/" + std::to_string(next_number.fetch_add(1))) {}
  ~Incoming() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  static inline std::atomic<std::uint64_t> next_number{0};
  std::string path_;
};

}  // namespace

bool is_blob_id(std::string_view text) noexcept {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

BlobStore::BlobStore(std::string folder)
    : folder_(std::move(folder)), session_(connector(), folder_ + "/storage.db") {
  fs::remove_all(folder_ + "/incoming");
  fs::create_directories(folder_ + "/incoming");
  fs::create_directories(folder_ + "/blobs");
  session_ << "PRAGMA journal_mode = WAL", now;
  session_ << "CREATE TABLE IF NOT EXISTS blobs (id TEXT PRIMARY KEY, name TEXT NOT NULL,"
              " content_type TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID",
      now;
}

std::string BlobStore::path_of(const std::string& id) const {
  return folder_ + "/blobs/" + id.substr(0, 2) + "/" + id;
}

BlobStore::Outcome BlobStore::store(Blob& blob, std::istream& body,
                                    std::optional<std::uint64_t> announced) {
  Incoming incoming(folder_);
  Poco::SHA2Engine digest(Poco::SHA2Engine::SHA_256);
  std::ofstream file(incoming.path(), std::ios::binary);
  std::array<char, std::size_t{64} << 10> piece;
  blob.size = 0;
  while (body.good()) {
    body.read(piece.data(), piece.size());
    digest.update(piece.data(), static_cast<std::size_t>(body.gcount()));
    file.write(piece.data(), body.gcount());
    blob.size += body.gcount();
  }
  file.close();
  if (!file) throw std::runtime_error("cannot write " + incoming.path());
  if (announced && *announced != static_cast<std::uint64_t>(blob.size)) return Outcome::broken_off;
  if (Poco::DigestEngine::digestToHex(digest.digest()) != blob.id) return Outcome::wrong_digest;

  // Two stores of the same bytes may run at once; the second rename replaces like with like. A
  // remove() must not come between the file and its row: it would leave one without the other.
  const std::lock_guard lock(mutex_);
  fs::create_directories(fs::path(path_of(blob.id)).parent_path());
  fs::rename(incoming.path(), path_of(blob.id));
  Poco::Data::Statement insert(session_);
  insert << "INSERT INTO blobs VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING", use(blob.id),
      use(blob.name), use(blob.content_type), use(blob.size);
  return insert.execute() > 0 ? Outcome::created : Outcome::present;
}

std::optional<Blob> BlobStore::find(const std::string& id) {
  Blob blob;
  std::string wanted = id;
  const std::lock_guard lock(mutex_);
  Poco::Data::Statement select(session_);
  select << "SELECT id, name, content_type, size FROM blobs WHERE id = ?", use(wanted),
      into(blob.id), into(blob.name), into(blob.content_type), into(blob.size);
  if (select.execute() == 0) return std::nullopt;
  return blob;
}

void BlobStore::remove(const std::string& id) {
  std::string wanted = id;
  const std::lock_guard lock(mutex_);
  session_ << "DELETE FROM blobs WHERE id = ?", use(wanted), now;
  fs::remove(path_of(id));
}

Blobs BlobStore::list(const std::string& after, int limit) {
  Blobs page;
  std::string from = after;
  int rows = limit + 1;  // one more tells whether there is a next page
  std::vector<std::string> ids, names, types;
  std::vector<std::int64_t> sizes;
  const std::lock_guard lock(mutex_);
  session_ << "SELECT count(*) FROM blobs", into(page.total), now;
  session_ << "SELECT id, name, content_type, size FROM blobs WHERE id > ? ORDER BY id LIMIT ?",
      use(from), use(rows), into(ids), into(names), into(types), into(sizes), now;
  const std::size_t shown = std::min(ids.size(), static_cast<std::size_t>(limit));
  for (std::size_t i = 0; i < shown; ++i)
    page.blobs.push_back({ids[i], names[i], types[i], sizes[i]});
  if (shown < ids.size()) page.next = ids[shown - 1];
  return page;
}

}  // namespace storage
