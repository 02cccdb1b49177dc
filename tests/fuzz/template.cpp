// URI templates. The first line is the template; each later line is the value of the next new name,
// an empty line leaves the name without one.
#include <map>

#include "fuzz/fuzz.hpp"
#include "wire/uri_template.hpp"

namespace callerapi::fuzz {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

wire::UriTemplate::Lookup in(const Values& values) {
  return [&values](std::string_view name) -> std::optional<std::string_view> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find_first_of("?#"));
}

/// A plain expression keeps a value whole and lets no byte of it mean anything.
void check_alone(const std::string& value) {
  for (const std::string_view text : {"{v}", "{?v}"}) {
    const auto compiled = wire::UriTemplate::compile(text);
    std::string out;
    if (!compiled->expand(out, in({{"v", value}}))) continue;
    std::string_view encoded = out;
    if (text == "{?v}") encoded.remove_prefix(3);
    must(encoded.find_first_of(":/?#[]@!$&'()*+,;=") == std::string_view::npos && is_uri(encoded),
         "a value holds no reserved byte once it is encoded");
    must(percent_decoded(encoded) == value, "a value decodes to itself");
  }
}

void check(Input input) {
  const std::string_view text = input.line();
  const auto compiled = wire::UriTemplate::compile(text);
  if (!compiled) return must_be_sound(compiled.error());

  Values values;
  for (const std::string& name : compiled->names()) {
    if (input.done()) break;
    const std::string value(input.line());
    if (!value.empty()) values.emplace(name, value);
  }
  for (const auto& [name, value] : values) check_alone(value);

  std::string out = "/base";
  const auto expanded = compiled->expand(out, in(values));
  if (!expanded) return must_be_sound(expanded.error());
  must(out.starts_with("/base"), "what was there stays");
  const std::string_view target = std::string_view(out).substr(5);
  must(is_uri(target), "an expansion is made of URI bytes");
  must(!has_dot_segment(path_of(target)), "no value leads to another path");
}

}  // namespace
}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  callerapi::fuzz::check({data, size});
  return 0;
}
