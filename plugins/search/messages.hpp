#pragma once

#include <callerapi/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What travels between the search service and its callers.
namespace search {

struct Document {
  std::string title, text;
};
CALLERAPI_JSON(Document, title, text)

/// Every word of `query` must occur, in the title or the text. `limit`: hits in the answer, 1 to
/// 1000, 10 when absent.
struct Query {
  std::string query;
  std::optional<int> limit;
};
CALLERAPI_JSON(Query, query, limit)

/// `snippet` marks found words with [ ]; a higher `score` is a better hit.
struct Hit {
  std::string id, title, snippet;
  double score = 0;
};
CALLERAPI_JSON(Hit, id, title, snippet, score)

/// `total` counts every matching document, `hits` holds the best of them.
struct Hits {
  std::int64_t total = 0;
  std::vector<Hit> hits;
};
CALLERAPI_JSON(Hits, total, hits)

struct Count {
  std::int64_t documents = 0;
};
CALLERAPI_JSON(Count, documents)

}  // namespace search
