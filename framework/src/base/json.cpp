#include "callerapi/json.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "base/limits.hpp"

namespace callerapi::json {
namespace {

namespace bj = boost::json;

const bj::value& node(const void* p) noexcept { return *static_cast<const bj::value*>(p); }

/// Boost parses 1e400 as infinity, which no JSON text can hold.
bool all_finite(const bj::value& value) {
  if (const auto* number = value.if_double()) return std::isfinite(*number);
  if (const auto* array = value.if_array()) {
    for (const bj::value& one : *array)
      if (!all_finite(one)) return false;
  } else if (const auto* object = value.if_object()) {
    for (const auto& [key, one] : *object)
      if (!all_finite(one)) return false;
  }
  return true;
}

Error refuse(std::string text) {
  return {.outcome = Outcome::decode_error,
          .reason = "json",
          .message = std::move(text),
          .phase = Phase::decode};
}

}  // namespace

struct Document::State {
  bj::monotonic_resource memory;
  bj::value root;
};

Document::Document(std::unique_ptr<State> state) : state_(std::move(state)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;
View Document::root() const noexcept { return View(&state_->root); }

Result<Document> Document::parse(std::string_view text) {
  auto state = std::make_unique<State>();
  bj::parse_options options;
  options.max_depth = base::limits::json_depth_max;
  bj::stream_parser parser(&state->memory, options);
  boost::system::error_code failed;
  const std::size_t read = parser.write_some(text.data(), text.size(), failed);
  if (!failed && read < text.size()) failed = bj::error::extra_data;
  if (!failed) parser.finish(failed);
  if (failed)
    return refuse("not valid JSON at byte " + std::to_string(read) + " of " +
                  std::to_string(text.size()) + ": " + failed.message());
  state->root = parser.release();
  if (!all_finite(state->root)) return refuse("not valid JSON: a number is too large");
  return Document(std::move(state));
}

Kind View::kind() const noexcept {
  switch (node(node_).kind()) {
    case bj::kind::null:
      return Kind::null;
    case bj::kind::bool_:
      return Kind::boolean;
    case bj::kind::int64:
    case bj::kind::uint64:
    case bj::kind::double_:
      return Kind::number;
    case bj::kind::string:
      return Kind::string;
    case bj::kind::array:
      return Kind::array;
    case bj::kind::object:
      return Kind::object;
  }
  return Kind::null;
}

std::optional<bool> View::boolean() const noexcept {
  if (const bool* flag = node(node_).if_bool()) return *flag;
  return std::nullopt;
}

std::optional<std::int64_t> View::integer() const noexcept {
  if (const auto* number = node(node_).if_int64()) return *number;
  if (const auto* real = node(node_).if_double();
      real && std::trunc(*real) == *real && std::abs(*real) < 9e15)
    return static_cast<std::int64_t>(*real);
  return std::nullopt;
}

std::optional<std::uint64_t> View::natural() const noexcept {
  if (const auto* large = node(node_).if_uint64()) return *large;
  if (const auto small = integer(); small && *small >= 0) return static_cast<std::uint64_t>(*small);
  return std::nullopt;
}

std::optional<double> View::number() const noexcept {
  const bj::value& value = node(node_);
  if (const auto* real = value.if_double()) return *real;
  if (const auto* whole = value.if_int64()) return static_cast<double>(*whole);
  if (const auto* large = value.if_uint64()) return static_cast<double>(*large);
  return std::nullopt;
}

std::optional<std::string_view> View::string() const noexcept {
  if (const bj::string* text = node(node_).if_string())
    return std::string_view(text->data(), text->size());
  return std::nullopt;
}

std::size_t View::size() const noexcept {
  if (const auto* array = node(node_).if_array()) return array->size();
  if (const auto* object = node(node_).if_object()) return object->size();
  return 0;
}

View View::at(std::size_t index) const noexcept {
  if (index >= size()) return {};
  if (const auto* array = node(node_).if_array()) return View(&(*array)[index]);
  return View(&(node(node_).get_object().begin() + static_cast<std::ptrdiff_t>(index))->value());
}

std::string_view View::key(std::size_t index) const noexcept {
  const auto* object = node(node_).if_object();
  if (object == nullptr || index >= object->size()) return {};
  const auto name = (object->begin() + static_cast<std::ptrdiff_t>(index))->key();
  return {name.data(), name.size()};
}

View View::find(std::string_view name) const noexcept {
  const auto* object = node(node_).if_object();
  return object == nullptr ? View() : View(object->if_contains({name.data(), name.size()}));
}

std::string View::dump() const { return bj::serialize(node(node_)); }

void Writer::separate() {
  if (comma_) text_ += ',';
  comma_ = true;
}

Writer& Writer::begin_object() {
  separate();
  text_ += '{';
  comma_ = false;
  return *this;
}
Writer& Writer::end_object() {
  text_ += '}';
  comma_ = true;
  return *this;
}
Writer& Writer::begin_array() {
  separate();
  text_ += '[';
  comma_ = false;
  return *this;
}
Writer& Writer::end_array() {
  text_ += ']';
  comma_ = true;
  return *this;
}
Writer& Writer::key(std::string_view name) {
  value(name);
  text_ += ':';
  comma_ = false;
  return *this;
}
Writer& Writer::null() { return raw("null"); }
Writer& Writer::value(bool b) { return raw(b ? "true" : "false"); }
Writer& Writer::value(double number) {
  if (!std::isfinite(number)) {
    ok_ = false;
    return null();
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return raw({digits, static_cast<std::size_t>(end - digits)});
}
Writer& Writer::integer(std::string_view digits) { return raw(digits); }
Writer& Writer::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}
Writer& Writer::value(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  separate();
  text_ += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (byte < 0x20) {
      text_ += "\\u00";
      text_ += digits[byte >> 4];
      text_ += digits[byte & 15];
    } else {
      text_ += c;
    }
  }
  text_ += '"';
  return *this;
}

}  // namespace callerapi::json
