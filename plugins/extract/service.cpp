#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

#include "common/server.hpp"
#include "extract/service_command.hpp"
#include "extract/service_text.hpp"

namespace extract {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t document_bytes_max = 64u << 20;
constexpr auto pdf_limit = 20s, image_limit = 30s;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

/// Answers 422 or 504 and false unless the program ended well.
bool ended_well(const Finished& end, const std::string& program, service::Exchange& exchange) {
  if (!end.started) {
    exchange.problem(501, "this format needs the program " + program + ", which is not installed");
  } else if (end.timed_out) {
    exchange.problem(504, program + " took too long and was stopped");
  } else if (end.exit_code != 0) {
    exchange.problem(422, program + " cannot read this document; it ended with code " +
                              std::to_string(end.exit_code));
  }
  return end.started && !end.timed_out && end.exit_code == 0;
}

bool read_pdf(const TemporaryFolder& folder, Extracted& into, service::Exchange& exchange) {
  const std::string in = folder.file("in"), out = folder.file("out.txt");
  const Finished end = run_command({"pdftotext", "-enc", "UTF-8", in, out}, pdf_limit);
  if (!ended_well(end, "pdftotext", exchange)) return false;
  into.text = to_utf8(read_file(out));
  // pdftotext ends every page with a form feed.
  into.pages = std::max<std::int64_t>(1, std::count(into.text.begin(), into.text.end(), '\f'));
  return true;
}

bool read_image(const TemporaryFolder& folder, Extracted& into, service::Exchange& exchange) {
  const std::string in = folder.file("in"), out = folder.file("out");
  const Finished end = run_command({"tesseract", in, out, "-l", "eng"}, image_limit);
  if (!ended_well(end, "tesseract", exchange)) return false;
  into.text = to_utf8(read_file(out + ".txt"));
  return true;
}

void run(const std::string& data, service::Exchange& exchange) {
  const auto bytes = exchange.whole_body(document_bytes_max);
  if (!bytes) return;
  Extracted found;
  found.content_type = sniff(*bytes, exchange.query("name").value_or(""));
  const bool pdf = found.content_type == "application/pdf";
  if (pdf || found.content_type.starts_with("image/")) {
    const TemporaryFolder folder(data);
    std::ofstream(folder.file("in"), std::ios::binary) << *bytes;
    if (!(pdf ? read_pdf(folder, found, exchange) : read_image(folder, found, exchange))) return;
  } else {
    found.text = to_utf8(*bytes);
    if (found.content_type == "text/html") found.text = html_to_text(found.text, found.title);
  }
  std::replace(found.text.begin(), found.text.end(), '\f', '\n');
  if (found.title.empty()) found.title = first_line(found.text);
  exchange.reply_json(200, callerapi::to_json(found));
}

}  // namespace
}  // namespace extract

int main(int argc, char** argv) {
  service::Arguments arguments;
  if (!service::read_arguments(argc, argv, arguments)) return 2;
  return service::serve("extract", "1.0.0", arguments,
                        {{"POST", "/v1/extract", [&](service::Exchange& exchange) {
                            extract::run(arguments.data, exchange);
                          }}});
}
