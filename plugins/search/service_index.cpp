#include "search/service_index.hpp"

#include <sqlite3.h>

#include <stdexcept>

namespace search {
namespace {

[[noreturn]] void fail(sqlite3* db) { throw std::runtime_error(sqlite3_errmsg(db)); }

/// One prepared statement; parameters are bound in order.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) {
    if (sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr) != SQLITE_OK) fail(db);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// The text must live until the statement has run.
  Statement& bind(std::string_view text) {
    if (sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_STATIC,
                            SQLITE_UTF8) != SQLITE_OK)
      fail(db_);
    return *this;
  }
  Statement& bind(std::int64_t number) {
    if (sqlite3_bind_int64(statement_, ++bound_, number) != SQLITE_OK) fail(db_);
    return *this;
  }
  /// True for a row, false at the end.
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) fail(db_);
    return code == SQLITE_ROW;
  }
  std::string text(int column) {
    const void* bytes = sqlite3_column_text(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
  }
  std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  double real(int column) { return sqlite3_column_double(statement_, column); }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

}  // namespace

std::string expression_of(std::string_view query) {
  std::string expression;
  bool inside = false;
  for (const char c : query) {
    const bool space = static_cast<unsigned char>(c) <= ' ';
    if (!space && !inside) expression += expression.empty() ? "\"" : " \"";
    if (space && inside) expression += '"';
    inside = !space;
    if (c == '"')
      expression += "\"\"";
    else if (!space)
      expression += c;
  }
  if (inside) expression += '"';
  return expression;
}

Index::Index(const std::string& file) {
  if (sqlite3_open(file.c_str(), &db_) != SQLITE_OK) {
    const std::string why = sqlite3_errmsg(db_);
    sqlite3_close(db_);
    throw std::runtime_error(file + ": " + why);
  }
  run("PRAGMA journal_mode = WAL");
  run("PRAGMA synchronous = NORMAL");
  run("CREATE TABLE IF NOT EXISTS ids (id TEXT PRIMARY KEY, number INTEGER UNIQUE NOT NULL)");
  run("CREATE VIRTUAL TABLE IF NOT EXISTS documents USING"
      " fts5(id UNINDEXED, title, text, tokenize = 'unicode61')");
}

Index::~Index() { sqlite3_close(db_); }

void Index::run(const char* sql) {
  Statement statement(db_, sql);
  while (statement.step()) {
  }
}

void Index::forget(const std::string& id) {
  Statement(db_, "DELETE FROM documents WHERE rowid = (SELECT number FROM ids WHERE id = ?)")
      .bind(id)
      .step();
  Statement(db_, "DELETE FROM ids WHERE id = ?").bind(id).step();
}

void Index::put(const std::string& id, const Document& document) {
  const std::lock_guard lock(mutex_);
  run("BEGIN IMMEDIATE");
  try {
    forget(id);
    Statement(db_, "INSERT INTO documents (id, title, text) VALUES (?, ?, ?)")
        .bind(id)
        .bind(document.title)
        .bind(document.text)
        .step();
    Statement(db_, "INSERT INTO ids VALUES (?, ?)")
        .bind(id)
        .bind(sqlite3_last_insert_rowid(db_))
        .step();
    run("COMMIT");
  } catch (...) {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

void Index::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  run("BEGIN IMMEDIATE");
  try {
    forget(id);
    run("COMMIT");
  } catch (...) {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

Hits Index::search(const std::string& expression, int limit) {
  const std::lock_guard lock(mutex_);
  Hits found;
  Statement count(db_, "SELECT count(*) FROM documents WHERE documents MATCH ?");
  count.bind(expression).step();
  found.total = count.integer(0);
  // bm25() is lower for better hits, and a word of the title weighs more.
  Statement best(db_,
                 "SELECT id, title, snippet(documents, 2, '[', ']', '...', 12),"
                 " bm25(documents, 0.0, 4.0, 1.0) AS rank_ FROM documents"
                 " WHERE documents MATCH ? ORDER BY rank_, id LIMIT ?");
  best.bind(expression).bind(std::int64_t{limit});
  while (best.step())
    found.hits.push_back({best.text(0), best.text(1), best.text(2), -best.real(3)});
  return found;
}

std::int64_t Index::count() {
  const std::lock_guard lock(mutex_);
  Statement count(db_, "SELECT count(*) FROM ids");
  count.step();
  return count.integer(0);
}

}  // namespace search
