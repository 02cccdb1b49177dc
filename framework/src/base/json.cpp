#include "callerapi/json.hpp"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

#include "base/limits.hpp"
#include "base/utf8.hpp"

namespace callerapi::json {
namespace {

namespace bj = boost::json;

const bj::value& node(const void* p) noexcept { return *static_cast<const bj::value*>(p); }

/// What bj::basic_parser tells of a text, as a value. Like Boost's own, but for numbers
/// with a fraction or an exponent: Boost 1.81 rounds some of them twice, so that one in eight came
/// back as its neighbour.
class JsonReader {
  using Text = bj::string_view;
  using Code = bj::error_code;

 public:
  static constexpr std::size_t max_object_size = bj::object::max_size();
  static constexpr std::size_t max_array_size = bj::array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();

  explicit JsonReader(bj::storage_ptr memory) { stack_.reset(std::move(memory)); }
  bj::value take() { return stack_.release(); }

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t n, Code&) { return stack_.push_object(n), true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t n, Code&) { return stack_.push_array(n), true; }
  bool on_key_part(Text text, std::size_t, Code&) { return stack_.push_chars(text), true; }
  bool on_key(Text text, std::size_t, Code&) { return stack_.push_key(text), true; }
  bool on_string_part(Text text, std::size_t, Code&) { return stack_.push_chars(text), true; }
  bool on_string(Text text, std::size_t, Code&) { return stack_.push_string(text), true; }
  bool on_number_part(Text text, Code&) { return digits_.append(text.data(), text.size()), true; }
  bool on_int64(std::int64_t number, Text, Code&) {
    digits_.clear();
    return stack_.push_int64(number), true;
  }
  bool on_uint64(std::uint64_t number, Text, Code&) {
    digits_.clear();
    return stack_.push_uint64(number), true;
  }
  /// `text`: the number as it stands there, behind what on_number_part() had of it.
  bool on_double(double number, Text text, Code&) {
    std::string_view all(text.data(), text.size());
    if (!digits_.empty()) all = digits_.append(text.data(), text.size());
    // One that is out of range stays what it was read as: infinite, or zero.
    std::from_chars(all.data(), all.data() + all.size(), number);
    digits_.clear();
    return stack_.push_double(number), true;
  }
  bool on_bool(bool flag, Code&) { return stack_.push_bool(flag), true; }
  bool on_null(Code&) { return stack_.push_null(), true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  bj::value_stack stack_;
  std::string digits_;
};

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

/// Answers whether all of it is ASCII.
bool put_escaped(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  unsigned all = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    all |= byte;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return all < 0x80;
}

/// Boost's own writes 0.5 as 5E-1, which few services take where it stands in a path.
void write(Writer& out, const bj::value& value) {
  if (const auto* array = value.if_array()) {
    out.begin_array();
    for (const bj::value& one : *array) write(out, one);
    out.end_array();
  } else if (const auto* object = value.if_object()) {
    out.begin_object();
    for (const auto& [key, one] : *object) write(out.key({key.data(), key.size()}), one);
    out.end_object();
  } else if (const auto* text = value.if_string()) {
    out.value(std::string_view(text->data(), text->size()));
  } else if (const auto* real = value.if_double()) {
    out.value(*real);
  } else if (const auto* whole = value.if_int64()) {
    out.value(*whole);
  } else if (const auto* large = value.if_uint64()) {
    out.value(*large);
  } else if (const auto* flag = value.if_bool()) {
    out.value(*flag);
  } else {
    out.null();
  }
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
  bj::basic_parser<JsonReader> parser(options, bj::storage_ptr(&state->memory));
  boost::system::error_code failed;
  const std::size_t read = parser.write_some(true, text.data(), text.size(), failed);
  if (!failed && read < text.size()) failed = bj::error::extra_data;
  if (!failed) parser.write_some(false, nullptr, 0, failed);
  if (failed)
    return refuse("not valid JSON at byte " + std::to_string(read) + " of " +
                  std::to_string(text.size()) + ": " + failed.message());
  state->root = parser.handler().take();
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

std::string View::dump() const {
  Writer out;
  write(out, node(node_));
  return out.take();
}

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
  separate();
  text_ += '"';
  const std::size_t begin = text_.size();
  if (!put_escaped(text_, text)) {
    // Fields of a peer may hold any byte, JSON text may not (RFC 8259 8.1).
    if (const std::string clean = base::as_utf8(text); clean != text) {
      text_.resize(begin);
      put_escaped(text_, clean);
    }
  }
  text_ += '"';
  return *this;
}

}  // namespace callerapi::json
