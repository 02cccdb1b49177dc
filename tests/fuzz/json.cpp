// JSON of a peer: refused with an error, or a document that can be walked and written again.
#include "callerapi/json.hpp"

#include "fuzz/fuzz.hpp"

namespace callerapi::fuzz {
namespace {

void walk(const json::View& view, std::size_t depth) {
  must(depth <= 130, "depth is bounded");
  for (std::size_t i = 0; i < view.size(); ++i) walk(view.at(i), depth + 1);
  must(view.integer().has_value() <= view.number().has_value(), "what is whole is a number");
}

}  // namespace
}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi;
  using namespace callerapi::fuzz;
  const std::string_view text = Input(data, size).rest();
  const auto document = json::Document::parse(text);
  if (!document) {
    must_be_sound(document.error());
    return 0;
  }
  must(wire::is_utf8(text), "JSON is UTF-8");
  walk(document->root(), 0);
  const std::string dump = document->root().dump();
  const auto again = json::Document::parse(dump);
  must(again && again->root().kind() == document->root().kind() &&
           again->root().size() == document->root().size(),
       "what was read can be written and read");
  return 0;
}
