#include "fuzz/responses.hpp"

#include "wire/syntax.hpp"

namespace callerapi::fuzz {
namespace {

using Event = wire::ResponseReader::Event;

constexpr wire::ReaderLimits narrow = {.head_bytes = 96,
                                       .status_line_bytes = 32,
                                       .fields = 4,
                                       .value_bytes = 16,
                                       .interim = 2,
                                       .interim_bytes = 80,
                                       .trailer_bytes = 40,
                                       .chunk_line_bytes = 16,
                                       .chunk_overhead_bytes = 24,
                                       .chunk_overhead_factor = 2};

std::string flat(const Headers& headers, const wire::ReaderLimits& limits) {
  std::string all;
  must(headers.size() <= limits.fields, "no more fields than allowed");
  for (const auto [name, value] : headers) {
    must(wire::is_token(name), "a field's name is a token");
    must(wire::is_field_value(value), "a field's value has no control byte");
    must(value.size() <= limits.value_bytes, "no value longer than allowed");
    must(wire::trim(value) == value, "a value has no blanks around it");
    all.append(name).append(1, ':').append(value).append(1, '\n');
  }
  return all;
}

/// A reader and the rules its events keep.
class Reading {
 public:
  explicit Reading(const Script& script) : limits_(script.limits) {
    reader_.start(script.method, script.limits);
  }

  void give(std::string_view read) {
    std::string_view input = read;
    while (!over_) {
      const std::size_t before = input.size();
      const Event event = reader_.next(input);
      must(input.size() <= before && input.data() + input.size() == read.data() + read.size(),
           "bytes are taken from the front");
      if (event != Event::body) framing_ += before - input.size();
      if (event == Event::need_more) {
        must(input.empty(), "a reader that waits has taken everything");
        return;
      }
      if (event == Event::body)
        take_piece(std::string_view(input.data() - (before - input.size()), before - input.size()));
      note(event);
    }
    verdict_.left += input.size();
    const std::size_t before = input.size();
    must(reader_.next(input) == (verdict_.ended ? Event::end : Event::error),
         "the last event is repeated");
    must(!verdict_.ended || input.size() == before, "nothing is taken behind the end");
  }

  Verdict finish(bool closes) {
    if (closes && !over_) note(reader_.finish());
    verdict_.status = reader_.status();
    verdict_.keep_alive = reader_.keep_alive();
    verdict_.fields = flat(reader_.headers(), limits_);
    verdict_.trailers = flat(reader_.trailers(), limits_);
    must(verdict_.fields.size() <= limits_.head_bytes, "no more head than allowed");
    must(verdict_.trailers.size() <= limits_.trailer_bytes, "no more trailers than allowed");
    must(framing_ <= limits_.head_bytes + limits_.interim_bytes + limits_.head_bytes +
                         limits_.trailer_bytes + limits_.chunk_line_bytes +
                         limits_.chunk_overhead_bytes +
                         (limits_.chunk_overhead_factor + 2) * (verdict_.body.size() + 1),
         "what is read beside the body is bounded");
    if (verdict_.outcome != Outcome::ok) verdict_.left = 0;
    return verdict_;
  }

 private:
  /// `taken` is what this event consumed; a chunk line may stand before the data.
  void take_piece(std::string_view taken) {
    const std::string_view piece = reader_.piece();
    must(!piece.empty() && piece.size() <= taken.size(), "a piece of body is never empty");
    must(piece.data() >= taken.data() && piece.data() + piece.size() == taken.data() + taken.size(),
         "a piece of body lies at the end of what was taken");
    must(head_, "the head comes before the body");
    framing_ += taken.size() - piece.size();
    verdict_.body.append(piece);
  }

  void note(Event event) {
    if (event == Event::head) {
      must(!std::exchange(head_, true), "there is one head");
      must(reader_.status() >= 200 && reader_.status() <= 999, "a final status has three digits");
    }
    if (event == Event::end) {
      must(head_, "the head comes before the end");
      verdict_.ended = true;
      if (const auto length = reader_.content_length())
        must(*length == verdict_.body.size(), "a body is as long as was announced");
    }
    if (event == Event::error) {
      verdict_.outcome = reader_.error_outcome();
      verdict_.reason = reader_.error_reason();
      must_be_sound({.outcome = verdict_.outcome,
                     .reason = verdict_.reason,
                     .message = reader_.error_text()});
      must(!reader_.keep_alive(), "a connection is not kept after an error");
    }
    over_ = event == Event::end || event == Event::error;
  }

  const wire::ReaderLimits limits_;
  wire::ResponseReader reader_;
  Verdict verdict_;
  std::size_t framing_ = 0;
  bool head_ = false, over_ = false;
};

}  // namespace

Script parse_script(Input input) {
  const std::string_view line = input.line();
  Script script;
  const char letter = line.empty() ? 'G' : line.front();
  script.method = (letter | 0x20) == 'h' ? "HEAD" : (letter | 0x20) == 'c' ? "CONNECT" : "GET";
  if (letter >= 'a') script.limits = narrow;
  const char way = line.size() > 1 ? line[1] : '-';
  script.closes = way == '.' || way == ';';
  script.limits.bare_lf = script.limits.obs_fold = way == ',' || way == ';';
  if (line.size() > 2) script.reads = line.substr(2);
  script.bytes = input.rest();
  return script;
}

Verdict read_response(const Script& script, std::string_view reads) {
  Reading reading(script);
  std::string_view bytes = script.bytes;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const std::size_t wanted =
        reads.empty() ? bytes.size() : static_cast<unsigned char>(reads[i % reads.size()]) & 0xfu;
    const std::size_t size = std::clamp<std::size_t>(wanted, 1, bytes.size());
    // A copy of its own, so that a piece kept beyond its read is found by the sanitizer.
    const std::string read(bytes.substr(0, size));
    reading.give(read);
    bytes.remove_prefix(size);
  }
  return reading.finish(script.closes);
}

void must_agree(bool agree, const Verdict& ours, const Verdict& theirs, std::string_view why) {
  if (agree) return;
  const auto show = [](const char* who, const Verdict& v) {
    std::fprintf(stderr, "%s: %s, %s, status %d, %zu bytes of body, %zu left, %s\n", who,
                 v.accepted() ? "accepted" : "refused", v.reason.c_str(), v.status, v.body.size(),
                 v.left, v.keep_alive ? "keep" : "close");
  };
  show("ours", ours);
  show("oracle", theirs);
  std::fprintf(stderr, "readers disagree: %.*s\n", static_cast<int>(why.size()), why.data());
  std::abort();
}

}  // namespace callerapi::fuzz
