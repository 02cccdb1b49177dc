#include "callerapi/client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>
#include <exception>
#include <future>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include "callerapi/explain.hpp"
#include "callerapi/plugin.hpp"
#include "support/scripted_server.hpp"

namespace billing {

using namespace callerapi::dsl;

struct Invoice {
  std::string id;
  double total = 0;
};
CALLERAPI_JSON(Invoice, id, total)

struct Billing {
  static constexpr std::string_view id = "billing", version = "2.3.1", owner = "team-money";
  using api =
      endpoints<common,
                get<"get_invoice", "/v1/invoices/{id}", Invoice, path<"id">, opt<"limit", int>>,
                post<"create", "/v1/invoices", Invoice, Invoice, idempotency_key>,
                post<"attach", "/v1/invoices/{id}/file", multipart, none, path<"id">>,
                get<"entry", "/v1/entries/{number}", Invoice, path<"number", std::uint64_t>,
                    opt<"above", double>>,
                del<"cancel", "/v1/invoices/{id}", none, none, path<"id">>>;
  std::string token;
  explicit Billing(callerapi::HostView host) : token(host.config("token").value_or("?")) {}
  void sign(callerapi::SignRequest& request) { request.header("Authorization", "Bearer " + token); }
  std::string map_error(callerapi::HookedResponse& response) {
    return response.status() == 402 ? "invoice is not paid" : "";
  }
};

/// Signs digests, so that it has none of a streamed body; and takes no answer without its mark.
struct Strict {
  static constexpr std::string_view id = "strict", version = "1.0.0", owner = "team-money";
  using api = Billing::api;
  void sign(callerapi::SignRequest& request) {
    if (request.body_streamed()) throw std::runtime_error("no digest of a streamed body");
  }
  void on_response(callerapi::HookedResponse& response) {
    if (response.status() == 299) throw std::runtime_error("forged");
  }
};

/// The same service as an older caller knew it.
struct OlderBilling {
  static constexpr std::string_view id = "billing", version = "1.0.0", owner = "team-money";
  using api = endpoints<get<"get_invoice", "/v0/invoices/{id}", Invoice, path<"id">>>;
};

}  // namespace billing

namespace callerapi {
namespace {

using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Caller caller_of(const ScriptedServer& server, std::shared_ptr<Executor> executor = nullptr) {
  Options options;
  options.static_plugins = {&static_plugin<billing::Billing>};
  options.environment.emplace();
  options.executor = std::move(executor);
  return Caller::from_toml(
             "schema = 1\n[services.billing]\nplugin = \"static:billing\"\nbase_url = \"" +
                 server.url() + "/prefix\"\nconfig = { token = \"s3cret\" }\n",
             std::move(options))
      .value();
}

Script invoice(const SeenRequest&) { return {.bytes = support::ok(R"({"id":"42","total":9.5})")}; }

TEST(Client, TypedCallsFillThePathAndDecodeTheAnswer) {
  ScriptedServer server(invoice);
  Caller caller = caller_of(server);
  Client<billing::Billing> invoices(caller);

  const billing::Invoice one = invoices.call<"get_invoice">("42", with<"limit">(10)).value();
  const billing::Invoice made = invoices.call<"create">(billing::Invoice{"7", 1.5}).value();

  EXPECT_EQ(one.id, "42");
  EXPECT_EQ(one.total, 9.5);
  EXPECT_EQ(made.id, "42");
  const auto seen = server.requests();
  EXPECT_EQ(seen.at(0).target, "/prefix/v1/invoices/42?limit=10");
  EXPECT_EQ(seen.at(1).body, R"({"id":"7","total":1.5})");
  EXPECT_NE(seen.at(1).head.find("Content-Type: application/json"), std::string::npos);
}

TEST(Client, EveryNumberOfItsTypeIsTakenAndWhatIsNoNumberIsNot) {
  ScriptedServer server(invoice);
  Caller caller = caller_of(server);
  Client<billing::Billing> invoices(caller);

  const auto largest = invoices.call<"entry">(std::numeric_limits<std::uint64_t>::max());
  ASSERT_TRUE(largest) << largest.error().message;
  EXPECT_EQ(server.requests().at(0).target, "/prefix/v1/entries/18446744073709551615");
  for (const double number :
       {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    const auto bad = invoices.call<"entry">(std::uint64_t{1}, with<"above">(number));
    ASSERT_FALSE(bad) << number;
    EXPECT_EQ(bad.error().message,
              "billing.entry: query parameter 'above' does not fit its type; expected real");
  }
  for (const char* number : {"18446744073709551616", "-9223372036854775809", "1.5", "+1", ""})
    EXPECT_EQ(caller.call("billing", "entry", Request{}.path("number", number)).error().reason,
              "parameter_type")
        << number;
  EXPECT_TRUE(caller.call("billing", "entry", Request{}.path("number", "-9223372036854775808")));
}

TEST(Client, TheSignHookOfThePluginSignsEveryRequest) {
  ScriptedServer server(invoice);
  Caller caller = caller_of(server);
  Client<billing::Billing> invoices(caller);

  ASSERT_TRUE(invoices.call<"get_invoice">("42"));

  EXPECT_NE(server.requests().at(0).head.find("Authorization: Bearer s3cret"), std::string::npos);
}

TEST(Client, AStatusOfFourHundredAndMoreIsAnErrorWithWhatTheServiceSaid) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes =
                      support::status(409, R"({"title":"duplicate invoice","detail":"7 exists"})",
                                      "Content-Type: application/problem+json\r\n")};
  });
  Caller caller = caller_of(server);
  Client<billing::Billing> invoices(caller);

  const auto refused = invoices.call<"create">(billing::Invoice{"7", 1.5});

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::http_status);
  EXPECT_EQ(refused.error().status, 409);
  EXPECT_EQ(refused.error().condition(), Condition::rejected);
  EXPECT_EQ(refused.error().message, "billing.create: HTTP 409 after 1 attempt: duplicate invoice");
  EXPECT_EQ(refused.error().detail->detail, "7 exists");
}

TEST(Client, ThePluginsWordsForAStatusGoBeforeThoseOfTheService) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = support::status(402, R"({"title":"payment required"})",
                                           "Content-Type: application/problem+json\r\n")};
  });
  Caller caller = caller_of(server);

  const auto refused = Client<billing::Billing>(caller).call<"get_invoice">("42");
  const auto raw = caller.call("billing", "get_invoice", Request{}.path("id", "42"));

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "billing.get_invoice: HTTP 402 after 1 attempt: invoice is not paid");
  EXPECT_EQ(refused.error().detail->title, "payment required");
  EXPECT_EQ(raw.value().plugin_error, "invoice is not paid");
}

std::string refusal(const std::string& type, const std::string& problem) {
  ScriptedServer server([&](const SeenRequest&) {
    return Script{.bytes = support::status(409, problem, "Content-Type: " + type + "\r\n")};
  });
  Caller caller = caller_of(server);
  return Client<billing::Billing>(caller).call<"get_invoice">("42").error().message;
}

TEST(Client, WhatTheServiceSaysOfAStatusStaysOneLineOfItsError) {
  const std::string begin = "billing.get_invoice: HTTP 409 after 1 attempt";
  const std::string type = "application/problem+json";
  EXPECT_EQ(refusal(type, R"({"title":"gone\n2026 ERROR forged \u001b[31m"})"),
            begin + R"(: gone\x0a2026 ERROR forged \x1b[31m)");
  EXPECT_EQ(refusal(type, "{\"title\":\"z\xc3\xbc sp\xc3\xa4t\"}"),
            begin + ": z\xc3\xbc sp\xc3\xa4t");
  EXPECT_EQ(refusal(type, "{\"title\":\"" + std::string(300, 'x') + "\"}"),
            begin + ": " + std::string(256, 'x') + "...");
}

TEST(Client, TheTypeOfAProblemIsReadWithoutRegardToCase) {
  const std::string begin = "billing.get_invoice: HTTP 409 after 1 attempt";
  const char* problem = R"({"title":"twice"})";
  EXPECT_EQ(refusal("Application/Problem+JSON; charset=utf-8", problem), begin + ": twice");
  EXPECT_EQ(refusal("application/problem+json ;x=y", problem), begin + ": twice");
  EXPECT_EQ(refusal("application/problem+jsonp", problem), begin);
}

TEST(Client, AnAnswerThatDoesNotFitTheTypeNamesThePlace) {
  ScriptedServer server(
      [](const SeenRequest&) { return Script{.bytes = support::ok(R"({"id":42,"total":1})")}; });
  Caller caller = caller_of(server);
  Client<billing::Billing> invoices(caller);

  const auto bad = invoices.call<"get_invoice">("42");

  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().outcome, Outcome::decode_error);
  EXPECT_EQ(bad.error().message, "billing.get_invoice: /id: expected a string, got a number");
}

TEST(Client, WhatIsWrongWithAnAnswerTellsWhereTheTimeWentAndHow) {
  ScriptedServer server([](const SeenRequest& seen) {
    return Script{.bytes = seen.target.ends_with("/42") ? support::ok(R"({"id":42,"total":1})")
                                                        : support::status(404)};
  });
  Caller caller = caller_of(server);
  Client<billing::Billing> invoices(caller);

  for (const char* id : {"42", "43"}) {
    const auto wrong = invoices.call<"get_invoice">(id, Request{}.explain());
    ASSERT_FALSE(wrong);
    EXPECT_GT(wrong.error().time.total(), Duration::zero()) << wrong.error().message;
    ASSERT_TRUE(wrong.error().record) << wrong.error().message;
    EXPECT_EQ(wrong.error().record->status, wrong.error().status);
  }
  const auto later = invoices.start<"get_invoice">("43", Request{}.explain()).get();
  EXPECT_TRUE(later.error().record);
}

TEST(Client, AnOlderContractIsRefusedAndNeverSentToAWrongUrl) {
  ScriptedServer server(invoice);
  Caller caller = caller_of(server);
  Client<billing::OlderBilling> old(caller);

  const auto refused = old.call<"get_invoice">("42");

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::contract_mismatch);
  EXPECT_TRUE(server.requests().empty());
}

TEST(Client, MultipartIsStreamedAndFramed) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::status(204)}; });
  Caller caller = caller_of(server);
  Client<billing::Billing> invoices(caller);
  Multipart parts;
  parts.field("title", "a \"quoted\" one").bytes("file", "x.txt", "hello", "text/plain");

  ASSERT_TRUE(invoices.call<"attach">("42", std::move(parts)));

  const SeenRequest seen = server.requests().at(0);
  EXPECT_NE(seen.body.find("Content-Disposition: form-data; name=\"file\"; "
                           "filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n"),
            std::string::npos);
  EXPECT_NE(seen.head.find("Content-Length: "), std::string::npos);
}

/// The least a coroutine needs to run and be waited for.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached ask(Client<billing::Billing>& invoices, std::promise<billing::Invoice>& out) {
  billing::Invoice first = (co_await invoices.start<"get_invoice">("42")).value();
  billing::Invoice second = (co_await invoices.start<"get_invoice">(first.id)).value();
  out.set_value(second);
}

TEST(Faces, GetThenFutureAndCoAwaitAllBringTheSame) {
  ScriptedServer server(invoice);
  Caller caller = caller_of(server);
  Client<billing::Billing> invoices(caller);

  std::promise<Result<billing::Invoice>> then;
  std::promise<billing::Invoice> awaited;
  invoices.start<"get_invoice">("42").then(
      [&](Result<billing::Invoice> r) { then.set_value(std::move(r)); });
  ask(invoices, awaited);

  EXPECT_EQ(invoices.start<"get_invoice">("42").get().value().id, "42");
  EXPECT_EQ(invoices.start<"get_invoice">("42").future().get().value().id, "42");
  EXPECT_EQ(then.get_future().get().value().id, "42");
  EXPECT_EQ(awaited.get_future().get().id, "42");
}

Caller strict_caller(const ScriptedServer& server) {
  Options options;
  options.static_plugins = {&static_plugin<billing::Strict>};
  options.environment.emplace();
  return Caller::from_toml(
             "schema = 1\n[services.strict]\nplugin = \"static:strict\"\nbase_url = \"" +
                 server.url() + "\"\n",
             std::move(options))
      .value();
}

TEST(RefusingHooks, OfStreamedBodiesGoOnToSignTheOthers) {
  ScriptedServer server(invoice);
  Caller caller = strict_caller(server);
  Client<billing::Strict> invoices(caller, "strict");
  for (int i = 0; i < 20; ++i) {
    Multipart parts;
    parts.field("title", "x");
    const auto refused = invoices.call<"attach">("7", std::move(parts));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "hook_failed");
    EXPECT_TRUE(refused.error().message.ends_with(
        ": sign of static:strict failed: no digest of a streamed body"))
        << refused.error().message;
  }
  EXPECT_TRUE(invoices.call<"create">(billing::Invoice{"7", 1.5}));
  EXPECT_EQ(caller.services().at(0).hook_failures, 20u);
  EXPECT_FALSE(caller.services().at(0).hooks_off);
}

TEST(RefusingHooks, OfAnswersRefuseTheEleventhToo) {
  ScriptedServer server(
      [](const SeenRequest&) { return Script{.bytes = support::status(299, R"({"id":"7"})")}; });
  Caller caller = strict_caller(server);
  Client<billing::Strict> invoices(caller, "strict");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(invoices.call<"get_invoice">("7").error().reason, "hook_failed");
}

TEST(Faces, ACompletionQueueRunsThemOnTheThreadThatDrainsIt) {
  ScriptedServer server(invoice);
  auto queue = std::make_shared<CompletionQueue>();
  Caller caller = caller_of(server, queue);
  Client<billing::Billing> invoices(caller);
  std::thread::id ran_on;

  invoices.start<"get_invoice">("42").then(
      [&](Result<billing::Invoice>) { ran_on = std::this_thread::get_id(); });
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (queue->drain() == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();

  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace callerapi
