// The registry file: every text is read or refused with its place, and nothing crashes the host.
#include "fuzz/fuzz.hpp"
#include "registry/registry.hpp"
#include "registry/toml_file.hpp"

namespace callerapi::fuzz {
namespace {

std::size_t number(std::string_view& text) {
  std::size_t value = 0, digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
    value = value * 10 + static_cast<std::size_t>(text[digits] - '0');
  must(digits > 0 && digits < 8, "an error has a place");
  text.remove_prefix(digits);
  return value;
}

/// `r.toml:line:column: `, inside the file.
void must_have_place(const Error& error, std::string_view text) {
  must_be_sound(error);
  std::string_view message = error.message;
  must(message.starts_with("r.toml:"), "an error names its file");
  message.remove_prefix(7);
  const std::size_t line = number(message);
  must(message.starts_with(':'), "an error has a place");
  message.remove_prefix(1);
  const std::size_t column = number(message);
  must(message.starts_with(": "), "a place is followed by what is wrong");
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  must(line >= 1 && line <= lines && column >= 1, "a place lies inside the file");
}

void check(std::string_view text) {
  const auto parsed = registry::parse_toml(text, "r.toml");
  if (!parsed) must_have_place(parsed.error(), text);

  // Whatever file an input might name is not ours to read.
  if (text.find("file") != text.npos) return;
  const registry::Environment environment{{"A", "http://h:1"}, {"EMPTY", ""}};
  std::vector<Error> all;
  const auto registry = registry::parse_registry(text, "r.toml", "/", environment, &all);
  must(parsed || !registry, "a registry is TOML");
  for (const Error& error : all) must_have_place(error, text);
  must(registry || !all.empty(), "what is refused has a fault");
  if (!registry) must_be_sound(registry.error());
}

}  // namespace
}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  callerapi::fuzz::check(callerapi::fuzz::Input(data, size).rest());
  return 0;
}
