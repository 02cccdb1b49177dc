// A plugin with code, the kind that stays mapped: it signs.
#include "callerapi/plugin.hpp"

namespace callerapi {

struct BenchHooked {
  static constexpr std::string_view id = "bench", version = "1.0.0", owner = "bench";
  using api =
      dsl::endpoints<dsl::common, dsl::get<"item", "/items/{id}", dsl::bytes, dsl::path<"id">>>;
  void sign(SignRequest& request) { request.header("Authorization", "Bearer bench"); }
};

}  // namespace callerapi

CALLERAPI_PLUGIN(callerapi::BenchHooked)
