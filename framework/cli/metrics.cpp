// The command `metrics`: what a Caller measures, in the text of Prometheus or as one JSON object.
#include "metrics.hpp"

#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "commands.hpp"

namespace callerapi::cli {
namespace {

constexpr std::string_view standard_input = "-";

/// What is before `end`, which is taken off `text` with it.
std::string_view cut(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + end.size());
  return before;
}

/// Takes a value of a label off `text`, its closing quote too.
std::string cut_value(std::string_view& text) {
  std::string value;
  while (!text.empty() && text.front() != '"') {
    const bool escaped = text.front() == '\\' && text.size() > 1;
    if (escaped) text.remove_prefix(1);
    value += escaped && text.front() == 'n' ? '\n' : text.front();
    text.remove_prefix(1);
  }
  if (!text.empty()) text.remove_prefix(1);
  return value;
}

void write_sample(json::Writer& out, std::string_view line) {
  const std::size_t blank = line.rfind(' ');
  const std::string number(line.substr(blank + 1));
  std::string_view labels = line.substr(0, blank);
  const std::string_view name = labels.substr(0, labels.find('{'));
  labels.remove_prefix(std::min(labels.size(), name.size() + 1));
  out.begin_object().member("name", name).key("labels").begin_object();
  while (!labels.empty() && labels.front() != '}') {
    if (labels.front() == ',') labels.remove_prefix(1);
    const std::string_view label = cut(labels, "=\"");
    out.member(label, cut_value(labels));
  }
  out.end_object().key("value").raw(number).end_object();
}

/// The text of the first answer to the op `metrics` among the lines of a pipe.
Result<std::string> text_of_answer(std::istream& in, const std::string& from) {
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    const auto answer = json::Document::parse(line);
    if (!answer) continue;
    const json::View text = answer->root().find("text");
    if (text && text.kind() == json::Kind::string) return std::string(*text.string());
  }
  return Error{.outcome = Outcome::invalid_argument,
               .reason = "answer",
               .message = from + ": none of its " + std::to_string(lines) +
                          " lines is an answer to the op metrics; write {\"id\":\"m\",\"op\":"
                          "\"metrics\"} to the pipe and give what it answers"};
}

Result<std::string> text_of(const Common& common, const std::string& answers) {
  if (answers.empty()) {
    auto caller = open(common);
    return caller ? Result<std::string>(caller->metrics_text()) : std::move(caller).error();
  }
  if (answers == standard_input) return text_of_answer(std::cin, "standard input");
  std::ifstream file(answers);
  if (!file)
    return Error{.outcome = Outcome::invalid_argument,
                 .reason = "file",
                 .message = answers +
                            ": cannot be read; it should hold what `callerapi pipe` answered, "
                            "- is standard input"};
  return text_of_answer(file, answers);
}

}  // namespace

std::string metrics_json(std::string_view text) {
  json::Writer out;
  out.begin_object().member("schema", "callerapi.metrics/1").key("families").begin_array();
  bool open = false;
  while (!text.empty()) {
    std::string_view line = cut(text, "\n");
    if (line.starts_with("# HELP ")) {
      if (open) out.end_array().end_object();
      open = true;
      line.remove_prefix(std::string_view("# HELP ").size());
      const std::string_view name = cut(line, " ");
      out.begin_object().member("name", name).member("help", line);
    } else if (line.starts_with("# TYPE ")) {
      out.member("type", line.substr(line.rfind(' ') + 1)).key("samples").begin_array();
    } else if (!line.empty()) {
      write_sample(out, line);
    }
  }
  if (open) out.end_array().end_object();
  out.end_array().end_object();
  return out.take();
}

int run_metrics(const Common& common, const std::string& answers) {
  const auto text = text_of(common, answers);
  if (!text) return report(text.error());
  if (common.json)
    std::cout << metrics_json(*text) << '\n';
  else
    std::cout << *text;
  std::cout.flush();
  return 0;
}

}  // namespace callerapi::cli
