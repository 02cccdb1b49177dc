#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "search/messages.hpp"

struct sqlite3;

namespace search {

/// A user's words as an FTS5 expression: each quoted, all required. Empty without a word.
std::string expression_of(std::string_view query);

/// A full-text index in one SQLite file (FTS5, tokenizer unicode61). Thread-safe: one statement
/// runs at a time. Failures of SQLite are std::runtime_error.
class Index {
 public:
  explicit Index(const std::string& file);
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  void put(const std::string& id, const Document& document);
  void remove(const std::string& id);
  Hits search(const std::string& expression, int limit);
  std::int64_t count();

 private:
  void run(const char* sql);
  void forget(const std::string& id);

  std::mutex mutex_;
  sqlite3* db_ = nullptr;
};

}  // namespace search
