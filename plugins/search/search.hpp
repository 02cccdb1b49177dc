#pragma once

#include <callerapi/plugin.hpp>

#include "messages.hpp"

/// The contract of the search service: full text, ranked.
namespace search {

using namespace callerapi::dsl;

struct Search {
  static constexpr std::string_view id = "search", version = "1.0.0", owner = "team-search";
  using api = endpoints<common,
                        // Replaces the document of that id, so that a repetition changes nothing.
                        put<"index", "/v1/documents/{id}", Document, none, path<"id">, idempotent>,
                        del<"remove", "/v1/documents/{id}", none, none, path<"id">, idempotent>,
                        // A question in a body: it only reads.
                        post<"search", "/v1/search", Query, Hits, idempotent>,
                        callerapi::dsl::get<"count", "/v1/count", Count>>;
};

}  // namespace search
