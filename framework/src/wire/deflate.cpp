#include "wire/deflate.hpp"

#include <zlib.h>

#include <array>
#include <utility>

namespace callerapi::wire {
namespace {

constexpr int gzip_window = 15 + 16, memory_level = 8;
constexpr std::size_t piece_bytes = 64u << 10;

/// zlib's deflate as gzip. Without a name and a time in its head it says the same each time.
class Deflater {
 public:
  Deflater() {
    ::deflateInit2(&z_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, memory_level,
                   Z_DEFAULT_STRATEGY);
  }
  ~Deflater() { ::deflateEnd(&z_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void give(std::string_view input) {
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    z_.avail_in = static_cast<uInt>(input.size());
  }
  bool wants_input() const noexcept { return z_.avail_in == 0; }
  std::size_t bound(std::size_t size) { return ::deflateBound(&z_, size); }
  /// Fills `into` as far as it can; `how` is one of zlib's flush values.
  std::size_t run(std::span<char> into, int how) {
    z_.next_out = reinterpret_cast<Bytef*>(into.data());
    z_.avail_out = static_cast<uInt>(into.size());
    ended_ = ::deflate(&z_, how) == Z_STREAM_END;
    return into.size() - z_.avail_out;
  }
  bool ended() const noexcept { return ended_; }
  void reset() {
    ::deflateReset(&z_);
    give({});
    ended_ = false;
  }

 private:
  z_stream z_{};
  bool ended_ = false;
};

class GzipSource final : public BodySource {
 public:
  explicit GzipSource(std::shared_ptr<BodySource> inner) : inner_(std::move(inner)) {}

  Result<std::size_t> read(std::span<char> into) override {
    for (;;) {
      if (deflater_.ended()) return std::size_t{0};
      if (deflater_.wants_input() && !inner_ended_)
        if (auto filled = fill(); !filled) return std::move(filled).error();
      std::size_t made = deflater_.run(into, inner_ended_ ? Z_FINISH : Z_NO_FLUSH);
      // A source may take its time for each piece, and whoever reads looks at the clock in between:
      // it costs 2 bytes to give what there is.
      if (made == 0 && !inner_ended_) made = deflater_.run(into, Z_PARTIAL_FLUSH);
      if (made > 0) return made;
    }
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }
  bool rewind() override {
    if (!inner_->rewind()) return false;
    deflater_.reset();
    inner_bytes_ = 0;
    inner_ended_ = false;
    return true;
  }
  bool rewindable() const override { return inner_->rewindable(); }

 private:
  Result<void> fill() {
    auto got = inner_->read(piece_);
    if (!got) return std::move(got).error();
    inner_ended_ = *got == 0;
    inner_bytes_ += *got;
    const auto length = inner_->length();
    if (*got > piece_.size() ||
        (length && (inner_bytes_ > *length || (inner_ended_ && inner_bytes_ < *length))))
      return Error{.outcome = Outcome::body_source_error,
                   .reason = "body_length",
                   .message = "its source gives " + std::to_string(inner_bytes_) + " of " +
                              std::to_string(length.value_or(piece_.size())) + " bytes"};
    deflater_.give({piece_.data(), *got});
    return {};
  }

  const std::shared_ptr<BodySource> inner_;
  Deflater deflater_;
  std::array<char, piece_bytes> piece_{};
  std::uint64_t inner_bytes_ = 0;
  bool inner_ended_ = false;
};

}  // namespace

std::string gzip(std::string_view text) {
  Deflater deflater;
  std::string out(deflater.bound(text.size()), '\0');
  deflater.give(text);
  out.resize(deflater.run(out, Z_FINISH));
  return out;
}

std::unique_ptr<BodySource> make_gzip(std::shared_ptr<BodySource> inner) {
  return std::make_unique<GzipSource>(std::move(inner));
}

}  // namespace callerapi::wire
