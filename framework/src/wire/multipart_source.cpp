#include "wire/multipart_source.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/random.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

/// One stretch of the body: text, or a source.
struct Piece {
  std::string text;
  std::unique_ptr<BodySource> source;
};

class MultipartSource final : public BodySource {
 public:
  explicit MultipartSource(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  Result<std::size_t> read(std::span<char> into) override {
    std::size_t filled = 0;
    // A source may take its time for each piece: whoever reads looks at the clock in between.
    for (bool asked = false; filled < into.size() && at_ < pieces_.size();) {
      if (pieces_[at_].source && std::exchange(asked, true) && filled > 0) break;
      auto got = read_piece(pieces_[at_], into.subspan(filled));
      if (!got) return got;
      filled += *got;
      if (*got == 0) {
        ++at_;
        text_at_ = 0;
      }
    }
    return filled;
  }

  std::optional<std::uint64_t> length() const override {
    std::uint64_t total = 0;
    for (const Piece& piece : pieces_) {
      const auto one = piece.source ? piece.source->length() : piece.text.size();
      if (!one) return std::nullopt;
      total += *one;
    }
    return total;
  }

  bool rewind() override {
    at_ = text_at_ = 0;
    return std::ranges::all_of(pieces_, [](Piece& p) { return !p.source || p.source->rewind(); });
  }
  bool rewindable() const override {
    return std::ranges::all_of(pieces_,
                               [](const Piece& p) { return !p.source || p.source->rewindable(); });
  }

 private:
  Result<std::size_t> read_piece(Piece& piece, std::span<char> into) {
    if (piece.source) return piece.source->read(into);
    const std::size_t n = std::min(into.size(), piece.text.size() - text_at_);
    std::memcpy(into.data(), piece.text.data() + text_at_, n);
    text_at_ += n;
    return n;
  }

  std::vector<Piece> pieces_;
  std::size_t at_ = 0, text_at_ = 0;
};

/// As browsers do it: a quote would end the value, so it is percent-encoded.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"') {
      out += "%22";
    } else {
      out += c;
    }
  }
  return out;
}

/// `type/subtype`, parameters unread.
bool is_media_type(std::string_view text) {
  const std::string_view type = trim(text.substr(0, text.find(';')));
  const auto slash = type.find('/');
  return slash != std::string_view::npos && is_token(type.substr(0, slash)) &&
         is_token(type.substr(slash + 1));
}

Result<std::string> part_head(const Multipart::Part& part, const std::string& boundary) {
  const auto illegal = [&](std::string_view what) {
    return Error{.outcome = Outcome::invalid_argument,
                 .reason = "illegal_byte",
                 .message = "multipart " + std::string(what) + " of part '" + printable(part.name) +
                            "' is empty or holds a control byte"};
  };
  if (part.name.empty() || !is_field_value(part.name)) return illegal("name");
  if (!is_field_value(part.filename)) return illegal("filename");
  if (!is_field_value(part.content_type)) return illegal("content type");
  if (!part.content_type.empty() && !is_media_type(part.content_type))
    return Error{.outcome = Outcome::invalid_argument,
                 .reason = "content_type",
                 .message = "multipart content type of part '" + printable(part.name) +
                            "' is no media type; expected type/subtype"};
  std::string head =
      "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + quoted(part.name) + "\"";
  if (!part.filename.empty()) head += "; filename=\"" + quoted(part.filename) + "\"";
  if (!part.content_type.empty()) {
    head += "\r\nContent-Type: " + part.content_type;
  } else if (!part.filename.empty()) {
    head += "\r\nContent-Type: application/octet-stream";
  }
  return head + "\r\n\r\n";
}

}  // namespace

std::string make_boundary(std::uint64_t random) {
  constexpr std::string_view letters =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  base::Random bits(random);
  std::string boundary = "callerapi-";
  for (int i = 0; i < 16; ++i) boundary += letters[bits.below(letters.size())];
  return boundary;
}

Result<std::unique_ptr<BodySource>> make_multipart(std::vector<Multipart::Part> parts,
                                                   const std::string& boundary) {
  std::vector<Piece> pieces;
  std::string between;
  for (Multipart::Part& part : parts) {
    auto head = part_head(part, boundary);
    if (!head) return std::move(head).error();
    between += *head;
    if (part.body.source() == nullptr) {
      between += part.body.in_memory();
    } else {
      pieces.push_back({std::exchange(between, {}), nullptr});
      pieces.push_back({{}, std::move(part.body).take_source()});
    }
    between += "\r\n";
  }
  pieces.push_back({between + "--" + boundary + "--\r\n", nullptr});
  return std::unique_ptr<BodySource>(std::make_unique<MultipartSource>(std::move(pieces)));
}

}  // namespace callerapi::wire
