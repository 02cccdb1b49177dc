#include "registry/instances_file.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/trust.hpp"
#include "registry/small_file.hpp"
#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {
namespace {

Error refuse(const char* reason, std::string why) {
  return {.outcome = Outcome::registry_invalid, .reason = reason, .message = std::move(why)};
}

/// The next word of a line, which it leaves; empty at its end.
std::string_view take_word(std::string_view& line) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  const auto begin = std::ranges::find_if_not(line, blank);
  const auto end = std::find_if(begin, line.end(), blank);
  const std::string_view word(begin, end);
  line = std::string_view(end, line.end());
  return word;
}

Result<void> read_line(std::string_view line, std::vector<policy::Site>& into) {
  line = line.substr(0, line.find('#'));
  const std::string_view place = take_word(line), weight = take_word(line), more = take_word(line);
  if (place.empty()) return {};
  auto site = parse_place(place);
  if (!site) return std::move(site).error();
  if (!weight.empty()) {
    const auto [stop, error] =
        std::from_chars(weight.data(), weight.data() + weight.size(), site->weight);
    if (error != std::errc() || stop != weight.data() + weight.size() || site->weight < 1 ||
        site->weight > weight_max)
      return refuse("instance",
                    "the weight of " + std::string(place) + " must be a whole number from 1 to " +
                        std::to_string(weight_max) + ", saw \"" + wire::printable(weight) + "\"");
  }
  if (!more.empty())
    return refuse("instance", "expected host:port and perhaps a weight, saw \"" +
                                  wire::printable(more) + "\" behind them");
  auto added = add_place(into, std::move(*site));
  if (!added) return refuse("instance", std::string(place) + " " + added.error().message);
  return added;
}

}  // namespace

Result<policy::Site> parse_place(std::string_view text) {
  const auto wrong = [&] {
    return refuse("instance", "expected host:port such as 10.0.0.1:8080 or [::1]:8080, saw \"" +
                                  wire::printable(text.substr(0, 100)) + "\"");
  };
  // What a URL may hold beside these two is refused first; then its rules for them hold here, too.
  const auto colon = text.rfind(':');
  if (text.find_first_of("/@?#") != std::string_view::npos || colon == std::string_view::npos ||
      colon + 1 == text.size() || text.find(']', colon) != std::string_view::npos)
    return wrong();
  auto url = wire::parse_base_url("http://" + std::string(text));
  if (!url) return wrong();
  return policy::Site{std::move(url->host), url->port, 1};
}

Result<void> add_place(std::vector<policy::Site>& all, policy::Site one) {
  const auto same = [&](const policy::Site& other) {
    return other.host == one.host && other.port == one.port;
  };
  if (std::ranges::any_of(all, same))
    return refuse("instance", "is named twice; give it a weight instead");
  if (all.size() == instances_max)
    return refuse("instance", "is one more than " + std::to_string(instances_max) + " instances");
  all.push_back(std::move(one));
  return {};
}

Result<std::vector<policy::Site>> parse_instances(std::string_view text,
                                                  const std::string& shown_name) {
  std::vector<policy::Site> all;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (auto read = read_line(line, all); !read) {
      Error error = std::move(read).error();
      error.message = shown_name + ":" + std::to_string(number) + ": " + error.message;
      return error;
    }
  }
  if (all.empty())
    return refuse("instance", shown_name + ": names no instance; write one host:port on each line");
  return all;
}

Result<std::vector<policy::Site>> read_instances_file(const std::filesystem::path& file,
                                                      bool insecure_permissions) {
  const std::string shown = file.string();
  auto text = read_small_file(file, instances_file_bytes_max);
  if (!text) return refuse("file", shown + ": " + text.error().message);
  if (!insecure_permissions) {
    std::error_code failed;
    const auto resolved = std::filesystem::canonical(file, failed);
    if (failed) return refuse("file", shown + ": " + failed.message());
    if (const std::string why = base::distrust(resolved); !why.empty())
      return refuse("file",
                    shown + ": " + why + ", or set insecure_permissions = true under [caller]");
  }
  return parse_instances(*text, shown);
}

}  // namespace callerapi::registry
