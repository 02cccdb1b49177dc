#include "wire/inflate.hpp"

#include <zlib.h>

#include <algorithm>

#include "base/limits.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

constexpr std::size_t piece_bytes = 32u << 10;
constexpr int gzip_window = 15 + 16, zlib_window = 15, raw_window = -15;
constexpr char gzip_magic = '\x1f';

/// RFC 1950 2.2: does a zlib header begin with these two bytes?
bool is_zlib_header(char first, char second) {
  const unsigned a = static_cast<unsigned char>(first), b = static_cast<unsigned char>(second);
  return (a & 0x0f) == Z_DEFLATED && (a >> 4) <= 7 && (a * 256 + b) % 31 == 0;
}

}  // namespace

/// One coding of the chain. What it makes lies in its own buffer until it is asked again.
class BodyDecoder::Layer {
 public:
  enum class Step : std::uint8_t { need_more, piece, corrupt, behind };

  explicit Layer(bool gzip) : gzip_(gzip) {
    if (gzip_) open(gzip_window);
  }
  ~Layer() {
    if (opened_) ::inflateEnd(&z_);
  }
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  std::string_view input;

  std::string_view name() const noexcept { return gzip_ ? "gzip" : "deflate"; }
  std::uint64_t made() const noexcept { return made_; }
  bool begun() const noexcept { return begun_; }
  bool ended() const noexcept { return ended_; }

  Step run(std::string_view& piece) {
    begun_ = begun_ || !input.empty();
    if (!opened_ && !recognise()) return Step::need_more;
    for (;;) {
      if (ended_) {
        if (input.empty()) return Step::need_more;
        // Only gzip has members that may follow one another (RFC 1952 2.2).
        if (!gzip_ || input.front() != gzip_magic) return Step::behind;
        ::inflateReset(&z_);
        ended_ = false;
      }
      const std::size_t got = inflate_some();
      if (broken_) return Step::corrupt;
      if (got > 0) {
        piece = {buffer_.get(), got};
        return Step::piece;
      }
      if (!ended_ && input.empty()) return Step::need_more;
    }
  }

 private:
  void open(int window) {
    opened_ = true;
    broken_ = ::inflateInit2(&z_, window) != Z_OK;
    buffer_ = std::make_unique<char[]>(piece_bytes);
  }

  /// "deflate" means zlib's wrapper, but many send the bare stream: the first two bytes tell.
  bool recognise() {
    if (input.empty()) return false;
    if (!held_) {
      if ((input.front() & 0x0f) != Z_DEFLATED) {
        open(raw_window);
        return true;
      }
      first_ = input.front();
      held_ = true;
      input.remove_prefix(1);
    }
    if (input.empty()) return false;
    open(is_zlib_header(first_, input.front()) ? zlib_window : raw_window);
    const std::string_view rest = input;
    input = {&first_, 1};  // one byte makes no output
    (void)inflate_some();
    input = rest;
    return true;
  }

  std::size_t inflate_some() {
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    z_.avail_in = static_cast<uInt>(input.size());
    z_.next_out = reinterpret_cast<Bytef*>(buffer_.get());
    z_.avail_out = static_cast<uInt>(piece_bytes);
    const int verdict = ::inflate(&z_, Z_NO_FLUSH);
    input.remove_prefix(input.size() - z_.avail_in);
    // Z_BUF_ERROR: nothing could be done for want of input.
    broken_ = broken_ || (verdict != Z_OK && verdict != Z_STREAM_END && verdict != Z_BUF_ERROR);
    ended_ = verdict == Z_STREAM_END;
    const std::size_t got = piece_bytes - z_.avail_out;
    made_ += got;
    return got;
  }

  const bool gzip_;
  z_stream z_{};
  std::unique_ptr<char[]> buffer_;
  std::uint64_t made_ = 0;
  bool opened_ = false, begun_ = false, ended_ = false, broken_ = false;
  bool held_ = false;  ///< `first_` waits for the byte that tells the format.
  char first_ = 0;
};

BodyDecoder::BodyDecoder() = default;
BodyDecoder::~BodyDecoder() = default;

BodyDecoder::Event BodyDecoder::fail(Outcome outcome, std::string_view reason, std::string text) {
  outcome_ = outcome;
  reason_ = reason;
  text_ = std::move(text);
  return Event::error;
}

bool BodyDecoder::add(std::string_view coding) {
  if (coding.empty() || same_name(coding, "identity")) return true;
  const bool gzip = same_name(coding, "gzip") || same_name(coding, "x-gzip");
  if (!gzip && !same_name(coding, "deflate")) {
    fail(Outcome::protocol_error, "coding",
         "response body: Content-Encoding '" + printable(coding) +
             "' was not asked for; gzip and deflate are decoded, an Accept-Encoding of your own "
             "gets the bytes as they are");
    return false;
  }
  if (layers_.size() == base::limits::codings_max) {
    fail(Outcome::response_too_large, "codings",
         "response body: more than the " + std::to_string(base::limits::codings_max) +
             " codings allowed in Content-Encoding");
    return false;
  }
  layers_.push_back(std::make_unique<Layer>(gzip));
  return true;
}

bool BodyDecoder::start(const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!same_name(name, "Content-Encoding")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      if (!add(trim(rest.substr(0, comma)))) return false;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  // They are listed in the order they were applied.
  std::ranges::reverse(layers_);
  return true;
}

void BodyDecoder::give(std::string_view input) {
  given_ += input.size();
  layers_.front()->input = input;
}

void BodyDecoder::keep() {
  std::string copy(layers_.front()->input);
  kept_.swap(copy);
  layers_.front()->input = kept_;
}

bool BodyDecoder::within_ratio(std::uint64_t made) {
  const std::uint64_t coded = given_ - layers_.front()->input.size();
  if (made <= base::limits::inflate_floor_bytes + base::limits::inflate_ratio_max * coded)
    return true;
  fail(Outcome::response_too_large, "ratio",
       "response body: " + std::to_string(coded) + " coded bytes grew to more than " +
           std::to_string(made) + ", over the ratio of " +
           std::to_string(base::limits::inflate_ratio_max) + " to 1");
  return false;
}

BodyDecoder::Event BodyDecoder::next() { return pull(layers_.size() - 1); }

BodyDecoder::Event BodyDecoder::pull(std::size_t at) {
  Layer& layer = *layers_[at];
  for (;;) {
    switch (layer.run(piece_)) {
      case Layer::Step::piece:
        return within_ratio(layer.made()) ? Event::piece : Event::error;
      case Layer::Step::corrupt:
        return fail(Outcome::protocol_error, "coding",
                    "response body: its " + std::string(layer.name()) +
                        " coding is damaged after " + std::to_string(layer.made()) +
                        " decoded bytes");
      case Layer::Step::behind:
        return fail(
            Outcome::protocol_error, "coding",
            "response body: bytes follow the end of its " + std::string(layer.name()) + " coding");
      case Layer::Step::need_more:
        if (at == 0) return Event::need_more;
        if (const Event event = pull(at - 1); event != Event::piece) return event;
        layer.input = piece_;
    }
  }
}

bool BodyDecoder::finish() {
  const auto open = std::ranges::find_if(layers_, [](const auto& l) { return !l->ended(); });
  if (open == layers_.end() || !layers_.front()->begun()) return true;
  fail(Outcome::response_truncated, "coding",
       "response body: its " + std::string((*open)->name()) + " coding ends early, after " +
           std::to_string((*open)->made()) + " decoded bytes");
  return false;
}

}  // namespace callerapi::wire
