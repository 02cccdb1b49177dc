// Each case is a mistake a team or a caller makes; CASE_x turns one on. Without any it compiles.
#include "callerapi/client.hpp"
#include "callerapi/plugin.hpp"

namespace {

using namespace callerapi::dsl;

struct Note {
  std::string title;
};
CALLERAPI_JSON(Note, title)

#ifdef CASE_hole_without_path
using bad = get<"one", "/v1/{id}", Note>;
#elif defined(CASE_path_without_hole)
using bad = get<"one", "/v1/x", Note, path<"id">>;
#elif defined(CASE_same_parameter_twice)
using bad = get<"one", "/v1/x", Note, query<"q">, opt<"q">>;
#elif defined(CASE_same_name_twice)
using bad = endpoints<get<"one", "/a", Note>, get<"one", "/b", Note>>;
#elif defined(CASE_same_method_and_path)
using bad = endpoints<get<"one", "/a", Note>, get<"two", "/a", Note>>;
#elif defined(CASE_get_with_body)
using bad = callerapi::dsl::call<"one", "GET", "/a", Note, Note>;
#elif defined(CASE_bad_method)
using bad = callerapi::dsl::call<"one", "PROP FIND", "/a", none, Note>;
#elif defined(CASE_bad_name)
using bad = get<"One", "/a", Note>;
#elif defined(CASE_relative_path)
using bad = get<"one", "a", Note>;
#elif defined(CASE_location_in_a_path)
using bad = get<"one", "/a/{next}", Note, location<"next">>;
#elif defined(CASE_unknown_option)
using bad = get<"one", "/a", Note, int>;
#else
using bad = get<"one", "/a", Note>;
#endif
template <class T>
constexpr std::size_t touch() {
  if constexpr (requires { T::count; })
    return T::count;
  else
    return T::row.size;
}
static_assert(touch<bad>() > 0);

struct Notes {
  static constexpr std::string_view id = "notes", version = "1.0.0", owner = "team";
  using api = endpoints<common, get<"list", "/notes", Note, query<"page", int>, opt<"limit", int>>,
                        post<"create", "/notes/{id}", Note, Note, path<"id">>>;
};

[[maybe_unused]] void use(callerapi::Client<Notes>& client) {
#ifdef CASE_unknown_endpoint
  (void)client.call<"lst">(1);
#elif defined(CASE_missing_parameter)
  (void)client.call<"list">();
#elif defined(CASE_missing_body)
  (void)client.call<"create">("7");
#elif defined(CASE_wrong_body)
  (void)client.call<"create">("7", callerapi::Multipart{});
#elif defined(CASE_body_where_none_is)
  (void)client.call<"list">(1, Note{"x"});
#elif defined(CASE_wrong_type)
  (void)client.call<"list">("one");
#elif defined(CASE_unknown_optional)
  (void)client.call<"list">(1, callerapi::with<"limt">(10));
#elif defined(CASE_required_by_with)
  (void)client.call<"list">(1, callerapi::with<"page">(10));
#elif defined(CASE_constant_request)
  const callerapi::Request once = callerapi::Request{}.max_attempts(1);
  (void)client.call<"create">("7", Note{"x"}, once);
#elif defined(CASE_request_used_twice)
  callerapi::Request again;
  (void)client.call<"create">("7", Note{"x"}, again);
#elif defined(CASE_undescribed_type)
  struct Plain {};
  (void)callerapi::to_json(Plain{});
#else
  (void)client.call<"list">(1, callerapi::with<"limit">(10), callerapi::Request{}.header("A", "b"));
  (void)client.call<"create">("7", Note{"x"});
#endif
}

}  // namespace
