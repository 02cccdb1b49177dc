#pragma once

#include <callerapi/plugin.hpp>

#include "messages.hpp"

/// The contract of the extract service: a document in, its text out.
namespace extract {

using namespace callerapi::dsl;

struct Extract {
  static constexpr std::string_view id = "extract", version = "1.0.0", owner = "team-documents";
  using api = endpoints<common,
                        // It keeps nothing, so asking twice is asking once.
                        post<"extract", "/v1/extract", bytes, Extracted, query<"name">, idempotent,
                             policy<"timeouts.total", "60s">>>;
};

}  // namespace extract
