#pragma once

#include <callerapi/json.hpp>
#include <callerapi/plugin.hpp>
#include <vector>

namespace parcels {
using namespace callerapi::dsl;

struct Parcel {
  std::string id, to;
  int grams = 0;
};
CALLERAPI_JSON(Parcel, id, to, grams)

struct Parcels {
  static constexpr std::string_view id = "parcels", version = "1.0.0", owner = "team-shipping";
  using api = endpoints<get<"track", "/v1/parcels/{id}", Parcel, path<"id">>,
                        get<"list", "/v1/parcels", std::vector<Parcel>, opt<"to">>,
                        post<"send", "/v1/parcels", Parcel, Parcel, idempotency_key>,
                        put<"label", "/v1/parcels/{id}/label", bytes, none, path<"id">>,
                        del<"cancel", "/v1/parcels/{id}", none, none, path<"id">>>;
};
}  // namespace parcels
