// Parts of a call without any I/O, for tests/cost/callgrind.py to count the instructions of.
//   pure_parts PART: runs it to be warm, then so many times in measured().
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "../../bench/inputs.hpp"
#include "catalogue/publication.hpp"
#include "catalogue/snapshot.hpp"
#include "wire/request_writer.hpp"
#include "wire/response_reader.hpp"
#include "wire/timer_wheel.hpp"
#include "wire/uri_template.hpp"
#include "wire/url.hpp"

namespace {

using namespace callerapi;

/// Does its work once; answers something of it, so that none of it can be left out.
using Part = std::function<std::size_t()>;
constexpr int rounds = 100;

Part reader(std::string response) {
  auto reader = std::make_shared<wire::ResponseReader>();
  return [reader, response = std::move(response)] {
    std::size_t bytes = 0;
    reader->start("GET", wire::ReaderLimits{});
    std::string_view input = response;
    using Event = wire::ResponseReader::Event;
    for (Event event = reader->next(input); event != Event::end; event = reader->next(input))
      if (event == Event::body) bytes += reader->piece().size();
    return bytes;
  };
}

Part writer() {
  auto headers = std::make_shared<Headers>();
  headers->add("User-Agent", "callerapi/0.1.0 items/1.0.0");
  headers->add("Accept", "application/json");
  headers->add("Accept-Encoding", "gzip, deflate");
  headers->add("Caller-Timeout-Ms", "10000");
  auto out = std::make_shared<std::string>();
  return [headers, out] {
    wire::RequestHead head;
    head.method = "GET";
    head.target = "/v1/items/7?limit=10";
    head.authority = "items.test";
    head.headers = headers.get();
    out->clear();
    return wire::append_head(*out, head) ? out->size() : 0;
  };
}

Part expansion() {
  auto path = std::make_shared<wire::UriTemplate>(
      wire::UriTemplate::compile("/v1/{owner}/items/{id}{?limit,cursor}").value());
  auto out = std::make_shared<std::string>();
  const wire::UriTemplate::Lookup values = [](std::string_view name) {
    return name == "owner"   ? std::optional<std::string_view>("miller")
           : name == "id"    ? std::optional<std::string_view>("a 7/b")
           : name == "limit" ? std::optional<std::string_view>("10")
                             : std::nullopt;
  };
  return [path, out, values] {
    out->clear();
    return path->expand(*out, values) ? out->size() : 0;
  };
}

Part base_url() {
  return [] {
    const auto url = wire::parse_base_url("https://items.example.com:8443/api/v2");
    return url ? std::size_t{url->port} : 0;
  };
}

Part lookup() {
  auto snapshot = std::make_shared<catalogue::Snapshot>();
  for (int i = 0; i < 1'000; ++i) {
    auto service = std::make_shared<catalogue::Service>();
    service->name = "team-service-" + std::to_string(i);
    snapshot->services.emplace(service->name, service);
  }
  auto published =
      std::make_shared<catalogue::Publication<catalogue::Snapshot>>(std::move(snapshot));
  return [published] {
    const auto found = published->read()->find("team-service-500");
    return found ? (**found)->name.size() : 0;
  };
}

Part timer() {
  auto wheel = std::make_shared<wire::TimerWheel>(TimePoint{});
  auto one = std::make_shared<wire::Timer>([] {});
  return [wheel, one] {
    wheel->arm(*one, TimePoint{} + std::chrono::seconds(10));
    wheel->disarm(*one);
    return std::size_t{1};
  };
}

std::map<std::string, Part, std::less<>> parts() {
  return {{"reader_small", reader(bench::small_response())},
          {"reader_large", reader(bench::large_response())},
          {"reader_chunked", reader(bench::chunked_response())},
          {"request_head", writer()},
          {"template", expansion()},
          {"base_url", base_url()},
          {"lookup", lookup()},
          {"timer", timer()}};
}

}  // namespace

/// What callgrind counts: a name it can find.
extern "C" __attribute__((noinline)) std::size_t measured(const Part& part) {
  std::size_t sum = 0;
  for (int i = 0; i < rounds; ++i) sum += part();
  return sum;
}

int main(int argc, char** argv) {
  const auto all = parts();
  const auto found = argc == 2 ? all.find(argv[1]) : all.end();
  if (found == all.end()) {
    for (const auto& [name, part] : all) std::printf("%s\n", name.c_str());
    return argc == 1 ? 0 : 2;
  }
  const std::size_t once = found->second();
  return once > 0 && measured(found->second) == rounds * once ? 0 : 1;
}
