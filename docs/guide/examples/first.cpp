#include <callerapi/client.hpp>
#include <cstdio>

#include "httpbin.hpp"  // the contract: a header of types, shared by plugin and callers

int main() {
  auto caller = callerapi::Caller::open("registry.toml").value();
  callerapi::Client<httpbin::Httpbin> bin(caller);
  auto echoed = bin.call<"post_json">(httpbin::Note{"a title", 12});  // Result<httpbin::Posted>
  if (!echoed) return std::fprintf(stderr, "%s\n", echoed.error().message.c_str()), 1;
  std::printf("%s, %d pages\n", echoed->json->title.c_str(), echoed->json->pages);
}
