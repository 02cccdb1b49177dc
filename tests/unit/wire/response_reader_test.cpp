#include "wire/response_reader.hpp"

#include <gtest/gtest.h>

#include <ostream>

#include "unit/wire/response_cases.hpp"

namespace callerapi::wire {

void PrintTo(const Case& c, std::ostream* out) { *out << c.label; }

void PrintTo(const Verdict& v, std::ostream* out) {
  *out << (v.open ? "open, " : "") << "outcome " << static_cast<int>(v.outcome) << " '" << v.reason
       << "', status " << v.status << ", " << v.body.size() << " bytes of body, "
       << (v.keep_alive ? "keep" : "close") << ", left '" << v.left << "'";
}

namespace {

using Event = ResponseReader::Event;
using namespace std::string_literals;

/// A connection: hands `bytes` to the reader in the given reads and notes what became of them.
class Conversation {
 public:
  explicit Conversation(const char* method, bool lenient = false) {
    reader_.start(method, {.bare_lf = lenient, .obs_fold = lenient});
  }

  void read(std::string_view bytes) {
    while (running_) {
      const Event event = reader_.next(bytes);
      if (event == Event::need_more) {
        EXPECT_TRUE(bytes.empty()) << "waits although bytes are left";
        return;
      }
      note(event);
      if (!running_) break;
    }
    if (ended_) verdict_.left.append(bytes);
  }
  void close() {
    if (running_) note(reader_.finish());
  }
  Verdict verdict() {
    verdict_.open = running_;
    verdict_.status = reader_.status();
    verdict_.keep_alive = reader_.keep_alive();
    return verdict_;
  }
  ResponseReader& reader() { return reader_; }

 private:
  void note(Event event) {
    if (event == Event::body) verdict_.body.append(reader_.piece());
    if (event == Event::error) {
      verdict_.outcome = reader_.error_outcome();
      verdict_.reason = reader_.error_reason();
      EXPECT_EQ(reader_.error_text().find('\n'), std::string::npos);
      EXPECT_FALSE(reader_.error_text().empty());
    }
    ended_ = event == Event::end;
    running_ = event == Event::head || event == Event::body;
  }

  ResponseReader reader_;
  Verdict verdict_;
  bool running_ = true, ended_ = false;
};

Verdict in_reads(const Case& c, std::size_t first_cut, std::size_t step) {
  Conversation talk(c.method, c.lenient);
  const std::string_view bytes = c.bytes;
  talk.read(bytes.substr(0, first_cut));
  for (std::size_t at = first_cut; at < bytes.size(); at += step) talk.read(bytes.substr(at, step));
  if (c.fin) talk.close();
  return talk.verdict();
}

class Responses : public testing::TestWithParam<Case> {};

TEST_P(Responses, GetTheirVerdictInOneRead) {
  const Case& c = GetParam();
  EXPECT_EQ(in_reads(c, c.bytes.size(), 1), c.want);
}

TEST_P(Responses, GetTheSameVerdictByteByByte) {
  EXPECT_EQ(in_reads(GetParam(), 0, 1), GetParam().want);
}

TEST_P(Responses, GetTheSameVerdictAtEverySplit) {
  const Case& c = GetParam();
  // Of a case that is long for the sake of a limit, the ends hold all there is to see.
  const std::size_t size = c.bytes.size(), edge = 300;
  for (std::size_t cut = 0; cut <= size; ++cut) {
    if (size > 2000 && cut > edge && cut + edge < size) cut = size - edge;
    ASSERT_EQ(in_reads(c, cut, size), c.want) << "cut after " << cut << " of " << size << " bytes";
  }
}

TEST_P(Responses, GetTheSameVerdictInReadsOfThree) {
  EXPECT_EQ(in_reads(GetParam(), 0, 3), GetParam().want);
}

const auto label_of = [](const testing::TestParamInfo<Case>& info) { return info.param.label; };
INSTANTIATE_TEST_SUITE_P(Accepted, Responses, testing::ValuesIn(accepted_cases()), label_of);
INSTANTIATE_TEST_SUITE_P(Lenient, Responses, testing::ValuesIn(lenient_cases()), label_of);
INSTANTIATE_TEST_SUITE_P(Refused, Responses, testing::ValuesIn(refused_cases()), label_of);

TEST(ResponseReader, FieldsKeepTheirOrderBytesAndRepetition) {
  Conversation talk("GET");
  talk.read("HTTP/1.1 200 OK\r\nB: 1\r\na:  =?utf-8?Q?x=0D=0A?= \r\nB: 2\r\n\r\n");

  std::string seen;
  for (const auto [name, value] : talk.reader().headers())
    seen.append(name).append("=").append(value).append("|");

  EXPECT_EQ(seen, "B=1|a==?utf-8?Q?x=0D=0A?=|B=2|");
}

TEST(ResponseReader, AFoldedFieldIsOneLine) {
  ResponseReader reader;
  reader.start("GET", {.obs_fold = true});
  std::string_view bytes =
      "HTTP/1.1 200 OK\r\nA:\r\n \t one \r\nB: two\r\n  and\r\n\tthree\r\n\r\n";
  ASSERT_EQ(reader.next(bytes), Event::head);
  EXPECT_EQ(reader.headers().get("A"), "one");
  EXPECT_EQ(reader.headers().get("B"), "two and three");
  EXPECT_EQ(reader.headers().size(), 2u);
}

TEST(ResponseReader, FieldsOfInterimAnswersAreForgotten) {
  Conversation talk("GET");
  talk.read("HTTP/1.1 103 x\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

  EXPECT_FALSE(talk.reader().headers().contains("Link"));
}

TEST(ResponseReader, TrailersStayApartAndMayNotSteer) {
  Conversation talk("GET");
  talk.read(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: head\r\n\r\n0\r\nX: tail\r\n"
      "Authorization: a\r\nSet-Cookie: b\r\nContent-Length: 9\r\nProxy-Authenticate: c\r\n\r\n");

  EXPECT_EQ(talk.reader().headers().get("X"), "head");
  EXPECT_EQ(talk.reader().trailers().get("X"), "tail");
  EXPECT_EQ(talk.reader().trailers().size(), 1u);
}

TEST(ResponseReader, ContentLengthIsThatOfTheBodyToCome) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
  Conversation get("GET"), head_request("HEAD");
  get.read(head);
  head_request.read(head);

  EXPECT_EQ(get.reader().content_length(), 1073741824u);
  EXPECT_EQ(head_request.reader().content_length(), std::nullopt);
  EXPECT_EQ(head_request.reader().headers().get("Content-Length"), "1073741824");
}

TEST(ResponseReader, BodyPiecesPointIntoTheInput) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  ResponseReader reader;
  reader.start("GET", {});
  std::string_view input = bytes;

  ASSERT_EQ(reader.next(input), Event::head);
  ASSERT_EQ(reader.next(input), Event::body);
  EXPECT_EQ(reader.piece().data(), bytes.data() + bytes.size() - 5);
  EXPECT_EQ(reader.next(input), Event::end);
}

TEST(ResponseReader, IsNotStartedBeforeAByteArrived) {
  Conversation talk("GET");
  talk.read("");
  EXPECT_FALSE(talk.reader().started());
  talk.read("H");
  EXPECT_TRUE(talk.reader().started());
}

TEST(ResponseReader, AnInterimAnswerIsNotTheBeginningOfTheAnswer) {
  Conversation talk("GET");
  for (const char* piece : {"", "HTTP/1.1 103 Early\r\n", "X: ", "y\r\n", "\r\n"}) {
    talk.read(piece);
    EXPECT_FALSE(talk.reader().answering()) << piece;
  }
  for (const char* piece : {"H", "TTP/1.1 200 OK\r\n", "Content-Length: 2\r\n", "\r\n", "o"}) {
    talk.read(piece);
    EXPECT_TRUE(talk.reader().answering()) << piece;
  }
}

TEST(ResponseReader, StartForgetsTheResponseBefore) {
  ResponseReader reader;
  reader.start("GET", {});
  std::string_view bad = "garbage";
  ASSERT_EQ(reader.next(bad), Event::error);

  reader.start("GET", {});
  std::string_view good = "HTTP/1.1 204 x\r\n\r\n";
  ASSERT_EQ(reader.next(good), Event::head);
  EXPECT_EQ(reader.next(good), Event::end);
  EXPECT_EQ(reader.error_text(), "");
}

TEST(ResponseReader, AClosedConnectionIsNeverKept) {
  Conversation talk("HEAD");
  talk.read("HTTP/1.1 200 OK\r\n\r\n");
  ASSERT_TRUE(talk.reader().keep_alive());
  EXPECT_EQ(talk.reader().finish(), Event::end);
  EXPECT_FALSE(talk.reader().keep_alive());
}

TEST(ResponseReader, LimitsHoldToTheByte) {
  ReaderLimits limits;
  limits.status_line_bytes = 15;
  limits.value_bytes = 4;
  limits.fields = 2;
  limits.head_bytes = 15 + 2 + 2 * 9 + 2;
  const auto read = [&](std::string_view bytes, std::size_t step) {
    ResponseReader reader;
    reader.start("HEAD", limits);
    Event event = Event::need_more;
    for (; !bytes.empty() && event == Event::need_more;) {
      std::string_view part = bytes.substr(0, step);
      bytes.remove_prefix(part.size());
      event = reader.next(part);
    }
    return event == Event::head ? "ok"s : std::string(reader.error_reason());
  };
  for (const std::size_t step : {1u, 1000u}) {
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nX: 1234\r\nX: 1234\r\n\r\n", step), "ok");
    EXPECT_EQ(read("HTTP/1.1 200 OK!\r\n\r\n", step), "status_line");
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nX: 12345\r\n\r\n", step), "value");
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nX: 1\r\nX: 1\r\nX: 1\r\n\r\n", step), "fields");
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nXX: 1234\r\nX: 1234\r\n\r\n", step), "head");
  }
}

struct Text {
  const char* label;
  std::string bytes;
  const char* want;
};
class ErrorTexts : public testing::TestWithParam<Text> {};

TEST_P(ErrorTexts, SayWhatIsWrong) {
  Conversation talk("GET");
  talk.read(GetParam().bytes);
  talk.close();
  EXPECT_EQ(talk.reader().error_text(), GetParam().want);
}

const std::string ok = "HTTP/1.1 200 OK\r\n";
INSTANTIATE_TEST_SUITE_P(
    , ErrorTexts,
    testing::Values(
        Text{"Tls", "\x15\x03\x03\x00\x02\x02\x46"s,
             "response begins with '\\x15\\x03\\x03\\x00\\x02'; this is a TLS record; the port "
             "expects https"},
        Text{"Ssh", "SSH-2.0-OpenSSH\r\n", "response begins with 'SSH-2'; this is an SSH banner"},
        Text{"Http2", "\x00\x00\x12\x04\x00\x00"s,
             "response begins with '\\x00\\x00\\x12\\x04\\x00'; this is an HTTP/2 frame; the port "
             "expects HTTP/2"},
        Text{"Status", "HTTP/1.1 2x0 OK\r\n\r\n",
             "response begins with 'HTTP/1.1 2x0 OK'; expected HTTP/1.1 and three digits"},
        Text{"Fold", ok + "X: a\r\n b: c\r\n\r\n",
             "response head: field 'X' is folded over two lines, which RFC 9112 5.2 forbids to "
             "senders"},
        Text{"FoldOfNothing", ok + " b: c\r\n\r\n",
             "response head: its first line begins with a space, which RFC 9112 5.2 forbids to "
             "senders"},
        Text{"Length", ok + "Content-Length: 1,5\r\n\r\n",
             "response: Content-Length '1,5'; expected one number of decimal digits"},
        Text{"Coding", ok + "Transfer-Encoding: gzip\r\n\r\n",
             "response: Transfer-Encoding 'gzip'; expected exactly one 'chunked', on HTTP/1.1"},
        Text{"Chunk", ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
             "response body: chunk size line 'zz'; expected hexadecimal digits"},
        Text{"Truncated", ok + "Content-Length: 5\r\n\r\nhel",
             "the response ended inside its body: 3 of 5 bytes arrived"},
        Text{"LastChunk", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
             "the response ended inside its body: the last chunk is missing, 2 bytes arrived"},
        Text{"Value", ok + "X: " + std::string(16400, 'x') + "\r\n\r\n",
             "response head: field 'X' has a value of 16400 bytes, at most 16384 allowed"}),
    [](const testing::TestParamInfo<Text>& text) { return text.param.label; });

TEST(ResponseReader, ALineWithoutCrTakesNothingOffTheLimitOfAHead) {
  ResponseReader reader("GET", {.head_bytes = 64, .bare_lf = true});
  const std::string line = "X: " + std::string(43, 'v') + "\n";  // up to the last byte allowed
  const std::string bytes = "HTTP/1.1 200 OK\r\n" + line + std::string(1 << 20, 'a');
  std::string_view input = bytes;
  EXPECT_EQ(reader.next(input), ResponseReader::Event::error);
  EXPECT_EQ(reader.error_outcome(), Outcome::response_too_large);
  EXPECT_EQ(reader.error_reason(), "head");
}

}  // namespace
}  // namespace callerapi::wire
