#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "callerapi/detail/fill_request.hpp"
#include "callerapi/dsl/contract.hpp"

namespace sample {

using namespace callerapi::dsl;

struct Note {
  std::string title;
};
CALLERAPI_JSON(Note, title)

struct Notes {
  using api = endpoints<common,
                        get<"find", "/f/{id}", Note, path<"id">, query<"rate", double>,
                            header<"X-Tenant">, opt<"deep", bool>>,
                        post<"text", "/t/{id}", std::string, none, path<"id">>,
                        post<"note", "/n", Note, none>, post<"form", "/o", form, none>,
                        put<"raw", "/r", bytes, none>>;
};

}  // namespace sample

namespace callerapi {
namespace {

template <dsl::Text Name, class... Args>
Request filled(Args&&... args) {
  using E = typename dsl::by_name<sample::Notes, Name>::type;
  return detail::Filler<E, Args...>::fill(std::forward<Args>(args)...);
}
using Pairs = Request::Pairs;

TEST(TypedRequest, ParametersGoWhereTheContractPutsThem) {
  const Request request = filled<"find">("42", 0.5, "acme", with<"deep">(true));

  EXPECT_EQ(request.path_values, (Pairs{{"id", "42"}}));
  EXPECT_EQ(request.query_values, (Pairs{{"rate", "0.5"}, {"deep", "true"}}));
  EXPECT_EQ(request.headers.get("X-Tenant"), "acme");
}

TEST(TypedRequest, ANumberKeepsEveryDigit) {
  const Request request = filled<"find">("42", 1e-7, "acme");

  EXPECT_EQ(request.query_values, (Pairs{{"rate", "1e-07"}}));
}

TEST(TypedRequest, LimitsThatComeFirstOrLastKeepTheParameters) {
  const Request first = filled<"find">(Request{}.header("A", "b"), "42", 1.0, "acme");
  const Request last =
      filled<"find">("42", 1.0, "acme", Request{}.header("A", "b").max_attempts(1));

  for (const Request* request : {&first, &last}) {
    EXPECT_EQ(request->headers.get("X-Tenant"), "acme");
    EXPECT_EQ(request->headers.get("A"), "b");
    EXPECT_EQ(request->path_values, (Pairs{{"id", "42"}}));
  }
  EXPECT_EQ(last.attempts_max, 1);
}

TEST(TypedRequest, ABodyOfTheSameTypeAsAParameterIsTheLastArgument) {
  const Request request = filled<"text">(std::string("42"), std::string("hello"));

  EXPECT_EQ(request.path_values, (Pairs{{"id", "42"}}));
  EXPECT_EQ(std::get<Request::Json>(request.payload).text, "\"hello\"");
}

TEST(TypedRequest, EachKindOfBodyBecomesItsPayload) {
  EXPECT_EQ(std::get<Request::Json>(filled<"note">(sample::Note{"x"}).payload).text,
            R"({"title":"x"})");
  EXPECT_EQ(std::get<Request::Form>(filled<"form">(Pairs{{"a", "b"}}).payload).fields,
            (Pairs{{"a", "b"}}));
  EXPECT_TRUE(std::holds_alternative<Body>(filled<"raw">(Body{}).payload));
}

}  // namespace
}  // namespace callerapi
