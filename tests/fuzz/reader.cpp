// The response reader alone: however a response is cut into reads, the verdict is one, and no rule
// in responses.cpp is broken on the way.
#include "fuzz/responses.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi::fuzz;
  const Script script = parse_script({data, size});
  const Verdict whole = read_response(script, "");
  for (const std::string_view reads : {script.reads, std::string_view("1")}) {
    const Verdict split = read_response(script, reads);
    must_agree(whole == split, whole, split, "read at once and in pieces");
  }
  return 0;
}
