#include <callerapi/client.hpp>
#include <cstdio>
#include <stdexcept>

#include "parcels.hpp"

namespace {

void expect(bool held, const char* what) {
  if (!held) throw std::runtime_error(what);
}

/// One parcel's way through every endpoint of the contract. value() throws what went wrong.
void ship(callerapi::Caller& caller) {
  callerapi::Client<parcels::Parcels> client(caller);

  const auto sent = client.call<"send">(parcels::Parcel{"", "Bremen", 1200}).value();
  std::printf("sent %s to %s, %d g\n", sent.id.c_str(), sent.to.c_str(), sent.grams);
  client.call<"label">(sent.id, callerapi::Body::text("%PDF-1.4", "application/pdf")).value();
  const auto there = client.call<"list">(callerapi::with<"to">("Bremen")).value();
  const auto elsewhere = client.call<"list">(callerapi::with<"to">("Emden")).value();
  expect(there.size() == 1 && elsewhere.empty(), "list does not know where the parcel goes");
  expect(client.call<"track">(sent.id).value().grams == 1200, "track finds another parcel");

  client.call<"cancel">(sent.id).value();
  const auto gone = client.call<"track">(sent.id);
  expect(!gone && gone.error().status == 404, "a cancelled parcel is still tracked");
  std::printf("cancelled it: %d, %s\n", gone.error().status, gone.error().detail->detail.c_str());
}

}  // namespace

int main(int argc, char** argv) try {
  auto caller = callerapi::Caller::open(argc > 1 ? argv[1] : "registry.toml").value();
  ship(caller);
} catch (const std::exception& e) {
  std::fprintf(stderr, "ship: %s\n", e.what());
  return 1;
}
