#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "extract/service_text.hpp"

namespace extract {
namespace {

// The references that occur in prose; others stay as they were written.
constexpr std::array<std::pair<std::string_view, unsigned>, 16> named{{
    {"amp", '&'},
    {"lt", '<'},
    {"gt", '>'},
    {"quot", '"'},
    {"apos", '\''},
    {"nbsp", ' '},
    {"copy", 0xa9},
    {"reg", 0xae},
    {"mdash", 0x2014},
    {"ndash", 0x2013},
    {"hellip", 0x2026},
    {"lsquo", 0x2018},
    {"rsquo", 0x2019},
    {"ldquo", 0x201c},
    {"rdquo", 0x201d},
    {"euro", 0x20ac},
}};
constexpr std::size_t reference_size_max = 10;

void append_utf8(std::string& out, unsigned c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

/// The code point of `&name;` or `&#N;` without its marks; 0 when there is none of that name.
unsigned reference(std::string_view body) {
  if (body.starts_with('#')) {
    body.remove_prefix(1);
    const bool hex = body.starts_with('x') || body.starts_with('X');
    if (hex) body.remove_prefix(1);
    unsigned c = 0;
    const auto end = body.data() + body.size();
    const auto [stop, error] = std::from_chars(body.data(), end, c, hex ? 16 : 10);
    const bool scalar = c < 0x110000 && (c < 0xd800 || c > 0xdfff) && c >= ' ';
    return error == std::errc() && stop == end && scalar ? c : 0;
  }
  for (const auto& [name, c] : named)
    if (name == body) return c;
  return 0;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// `script` of `<SCRIPT src=...`, `/p` of `</p>`.
std::string tag_name(std::string_view tag) {
  std::string name;
  for (const char c : tag) {
    if (!(c == '/' && name.empty()) && !(lower(c) >= 'a' && lower(c) <= 'z') &&
        !(c >= '0' && c <= '9'))
      break;
    name += lower(c);
  }
  return name;
}

bool breaks_line(std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  constexpr std::string_view blocks[] = {
      "p",      "div",    "br", "li", "ul", "ol",    "tr",  "table",   "h1",
      "h2",     "h3",     "h4", "h5", "h6", "title", "pre", "section", "article",
      "header", "footer", "td", "th", "dt", "dd",    "hr",  "body"};
  for (const auto block : blocks)
    if (name == block) return true;
  return false;
}

/// Position after the end of a tag that begins at `at`; quoted values may hold '>'.
std::size_t end_of_tag(std::string_view html, std::size_t at) {
  char quote = 0;
  for (std::size_t i = at + 1; i < html.size(); ++i) {
    const char c = html[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if ((c == '"' || c == '\'') && html[i - 1] == '=') {
      quote = c;
    } else if (c == '>') {
      return i + 1;
    }
  }
  return html.size();
}

/// Position of `</name` without regard to case, or the end.
std::size_t find_close(std::string_view html, std::size_t at, std::string_view name) {
  for (; at + name.size() + 2 <= html.size(); ++at) {
    if (html[at] != '<' || html[at + 1] != '/') continue;
    bool same = true;
    for (std::size_t i = 0; i < name.size() && same; ++i) same = lower(html[at + 2 + i]) == name[i];
    if (same) return at;
  }
  return html.size();
}

/// Collects text with white space folded: one space between words, one line feed between blocks.
class Folded {
 public:
  void add(char c) {
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f') {
      gap_ = gap_ == '\n' ? '\n' : ' ';
      return;
    }
    if (gap_ != 0 && !text_.empty()) text_ += gap_;
    gap_ = 0;
    text_ += c;
  }
  void line() { gap_ = '\n'; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  char gap_ = 0;
};

void add_text(Folded& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '&') {
      const auto end = text.substr(i, reference_size_max).find(';');
      const unsigned c = end == std::string_view::npos ? 0 : reference(text.substr(i + 1, end - 1));
      if (c != 0) {
        std::string bytes;
        append_utf8(bytes, c);
        for (const char b : bytes) out.add(b);
        i += end;
        continue;
      }
    }
    out.add(text[i]);
  }
}

}  // namespace

std::string html_to_text(std::string_view html, std::string& title) {
  Folded out;
  bool titled = false;
  for (std::size_t at = 0; at < html.size();) {
    const std::size_t open = std::min(html.find('<', at), html.size());
    add_text(out, html.substr(at, open - at));
    if (open == html.size()) break;
    if (html.substr(open).starts_with("<!--")) {
      const std::size_t close = html.find("-->", open + 4);
      at = close == std::string_view::npos ? html.size() : close + 3;
      continue;
    }
    const char next = open + 1 < html.size() ? lower(html[open + 1]) : ' ';
    if (!(next >= 'a' && next <= 'z') && next != '/' && next != '!' && next != '?') {
      out.add('<');  // a lone "<" is text
      at = open + 1;
      continue;
    }
    const std::string name = tag_name(html.substr(open + 1));
    at = end_of_tag(html, open);
    if (breaks_line(name)) out.line();
    if (name == "script" || name == "style") at = end_of_tag(html, find_close(html, at, name));
    if (name == "title" && !titled) {
      titled = true;  // the others are of pictures, and one look ahead costs up to the whole page
      Folded words;
      add_text(words, html.substr(at, find_close(html, at, name) - at));
      title = words.take();
    }
  }
  return out.take();
}

}  // namespace extract
