// The look at a plugin before the dynamic loader sees it.
#include "callerapi/abi/v1.h"
#include "fuzz/fuzz.hpp"
#include "host/elf_preflight.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi;
  using namespace callerapi::fuzz;
  const std::string_view bytes = Input(data, size).rest();
  const auto sound = host::preflight({bytes.data(), bytes.size()}, "x.capi.so");
  if (!sound) {
    must_be_sound(sound.error());
    return 0;
  }
  must(bytes.starts_with("\177ELF"), "a plugin is an ELF file");
  must(bytes.find(CALLERAPI_PLUGIN_SYMBOL) != bytes.npos, "a plugin has its symbol");
  must(!host::preflight({bytes.data(), 63}, "x.capi.so"), "a head alone is no plugin");
  return 0;
}
