#include <iostream>

#include "common/server.hpp"
#include "search/service_index.hpp"

namespace search {
namespace {

constexpr std::size_t document_bytes_max = 64u << 20, query_bytes_max = 64u << 10;
constexpr int limit_default = 10, limit_max = 1000;

/// The body as a T, or nothing after a 4xx was answered.
template <class T>
std::optional<T> read(service::Exchange& exchange, std::size_t bytes_max) {
  const auto body = exchange.whole_body(bytes_max);
  if (!body) return std::nullopt;
  auto value = callerapi::from_json<T>(*body);
  if (value) return std::move(*value);
  exchange.problem(400, value.error().message);
  return std::nullopt;
}

void find(Index& index, service::Exchange& exchange) {
  const auto query = read<Query>(exchange, query_bytes_max);
  if (!query) return;
  const std::string expression = expression_of(query->query);
  const int limit = query->limit.value_or(limit_default);
  if (expression.empty()) return exchange.problem(400, "the query has no word");
  if (limit < 1 || limit > limit_max)
    return exchange.problem(400, "limit is 1 to " + std::to_string(limit_max));
  exchange.reply_json(200, callerapi::to_json(index.search(expression, limit)));
}

std::vector<service::Route> routes(Index& index) {
  using service::Exchange;
  return {
      {"PUT", "/v1/documents/{id}",
       [&index](Exchange& e) {
         const auto document = read<Document>(e, document_bytes_max);
         if (!document) return;
         index.put(e.hole(0), *document);
         e.reply_empty(204);
       }},
      {"DELETE", "/v1/documents/{id}",
       [&index](Exchange& e) {
         index.remove(e.hole(0));
         e.reply_empty(204);
       }},
      {"POST", "/v1/search", [&index](Exchange& e) { find(index, e); }},
      {"GET", "/v1/count",
       [&index](Exchange& e) { e.reply_json(200, callerapi::to_json(Count{index.count()})); }},
  };
}

}  // namespace
}  // namespace search

int main(int argc, char** argv) try {
  service::Arguments arguments;
  if (!service::read_arguments(argc, argv, arguments)) return 2;
  search::Index index(arguments.data + "/search.db");
  return service::serve("search", "1.0.0", arguments, search::routes(index));
} catch (const std::exception& e) {
  std::cerr << "search: " << e.what() << '\n';
  return 1;
}
