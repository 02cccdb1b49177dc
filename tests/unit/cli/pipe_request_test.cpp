#include "pipe_request.hpp"

#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdio>
#include <fstream>
#include <string>
#include <variant>

namespace callerapi::cli {
namespace {

Result<PipeRequest> read(const std::string& rest) {
  std::string id;
  return read_line(R"({"id":1,"op":"call","service":"s","endpoint":"e",)" + rest + "}", id);
}

TEST(PipeRequest, NumbersAreSentAsTheyAreWritten) {
  const auto line = read(R"("path":{"seconds":0.5},"query":{"lat":40.7,"n":12},"json":{"x":1.5})");
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->request.path_values.at(0).second, "0.5");
  EXPECT_EQ(line->request.query_values.at(0).second, "40.7");
  EXPECT_EQ(line->request.query_values.at(1).second, "12");
  EXPECT_EQ(std::get<Request::Json>(line->request.payload).text, R"({"x":1.5})");
}

TEST(PipeRequest, APartWithoutBytesIsRefused) {
  for (const std::string part : {R"({"name":"doc","filename":"a.pdf","body_b64":null})",
                                 R"({"name":"doc","body_b46":"aGVsbG8="})"}) {
    const auto line = read(R"("multipart":[)" + part + "]");
    ASSERT_FALSE(line) << part;
    EXPECT_EQ(line.error().message, "part 'doc' needs file or body_b64, as a text");
  }
  EXPECT_TRUE(read(R"("multipart":[{"name":"doc","body_b64":""}])")) << "an empty one may be meant";
}

TEST(PipeRequest, AFileIsSentUnderTheNameThatIsGiven) {
  const std::string name = "callerapi_part_" + std::to_string(::getpid());
  const std::string path = ::testing::TempDir() + name;
  std::ofstream(path) << "hello";
  const auto part = [&](const std::string& more) {
    auto line = read(R"("multipart":[{"name":"doc","file":")" + path + "\"" + more + "}]");
    return std::move(std::get<Multipart>(line.value().request.payload));
  };
  EXPECT_EQ(part(R"(,"filename":"a.pdf")").parts().at(0).filename, "a.pdf");
  EXPECT_EQ(part("").parts().at(0).filename, name);
  std::remove(path.c_str());
  const auto line = read(R"("multipart":[{"name":"doc","file":"/nowhere","filename":"a.pdf"}])");
  EXPECT_EQ(std::get<Multipart>(line->request.payload).state().error().outcome,
            Outcome::body_source_error);
}

TEST(PipeRequest, AFieldThatIsNoTextLeavesItsAnswerALineOfJson) {
  Response answer;
  answer.status = 200;
  answer.headers.add("X-Name", "caf\xe9");
  const std::string line = answer_line("1", answer);
  EXPECT_NE(line.find("[\"X-Name\",\"caf\xef\xbf\xbd\"]"), std::string::npos) << line;
}

}  // namespace
}  // namespace callerapi::cli
