// multipart/form-data. Lines: `m` (body in memory), `s` (from a source) or `u` (from a source that
// does not know its length); name; filename; content type; then the body.
#include "callerapi/multipart.hpp"

#include <cstring>

#include "fuzz/fuzz.hpp"
#include "wire/multipart_source.hpp"

namespace callerapi::fuzz {
namespace {

class Source final : public BodySource {
 public:
  Source(std::string text, bool sized) : text_(std::move(text)), sized_(sized) {}
  Result<std::size_t> read(std::span<char> into) override {
    const std::size_t n = std::min({into.size(), text_.size() - at_, std::size_t{7}});
    std::memcpy(into.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }
  std::optional<std::uint64_t> length() const override {
    return sized_ ? std::optional<std::uint64_t>(text_.size()) : std::nullopt;
  }
  bool rewind() override {
    at_ = 0;
    return true;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
  bool sized_;
};

std::string read_all(BodySource& source, std::size_t step) {
  std::string all;
  char buffer[64];
  while (true) {
    const auto got = source.read({buffer, step});
    must(got && *got <= step, "a source fills no more than it was given");
    if (*got == 0) return all;
    all.append(buffer, *got);
  }
}

/// The lines of a part's head say what they must and nothing else.
void check_head(std::string_view head, const Multipart::Part& part) {
  const std::string_view disposition = head.substr(0, head.find("\r\n"));
  must(disposition.starts_with("Content-Disposition: form-data; name=\""), "a part has a name");
  must(disposition.ends_with('"') && !has_control(disposition.substr(0, disposition.find('\t'))),
       "a name cannot break its line");
  const auto quotes = std::ranges::count(disposition, '"');
  must(quotes == (part.filename.empty() ? 2 : 4), "a name cannot end its quotes");
  std::string_view rest = head.substr(disposition.size());
  if (rest.empty()) return;
  rest.remove_prefix(2);
  must(rest.starts_with("Content-Type: ") && rest.find_first_of("\r\n") == rest.npos,
       "a head has no other line than a content type");
}

void check(Input input) {
  const std::string_view kind = input.line();
  std::vector<Multipart::Part> parts(2);
  parts[0].name = "first";
  parts[0].body = Body::text("1");
  Multipart::Part& part = parts[1];
  part.name = input.line();
  part.filename = input.line();
  part.content_type = input.line();
  const std::string body(input.rest());
  const bool in_memory = kind == "m", sized = kind != "u";
  part.body = in_memory ? Body::text(body)
                        : Body::source(std::make_unique<Source>(body, sized), "text/plain");
  const Multipart::Part copy{part.name, part.filename, part.content_type, {}};

  auto made = wire::make_multipart(std::move(parts), "BOUNDARY");
  if (!made) return must_be_sound(made.error());
  BodySource& source = **made;
  const std::string bytes = read_all(source, 64);
  must(source.length().has_value() == (in_memory || sized), "a length is known if every part's is");
  must(source.length().value_or(bytes.size()) == bytes.size(), "a length is that of the bytes");
  must(source.rewind() && read_all(source, 5) == bytes, "a second reading gives the same bytes");

  const std::string_view first =
      "--BOUNDARY\r\nContent-Disposition: form-data; name=\"first\"\r\n\r\n1\r\n--BOUNDARY\r\n";
  const std::string last = "\r\n\r\n" + body + "\r\n--BOUNDARY--\r\n";
  must(bytes.starts_with(first) && bytes.ends_with(last) &&
           bytes.size() >= first.size() + last.size(),
       "boundaries stand where they belong");
  check_head(
      std::string_view(bytes).substr(first.size(), bytes.size() - first.size() - last.size()),
      copy);
}

}  // namespace
}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  callerapi::fuzz::check({data, size});
  return 0;
}
