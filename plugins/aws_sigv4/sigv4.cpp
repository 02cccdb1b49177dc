#include "aws_sigv4/sigv4.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "common/digest.hpp"

namespace aws_sigv4 {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
using Pairs = std::vector<std::pair<std::string, std::string>>;

bool is_unreserved(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string encode(std::string_view text, std::string_view kept = {}) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || kept.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// RFC 3986 5.2.4, and empty segments go too; a slash at the end stays.
std::string normalised(std::string_view path) {
  std::vector<std::string_view> kept;
  bool open = true;  // does the path end in a slash?
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    open = segment.empty() || segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!open) kept.push_back(segment);
  }
  std::string out;
  for (const auto segment : kept) out.append("/").append(segment);
  if (open) out += '/';
  return out;
}

std::string canonical_path(std::string_view path, bool s3) {
  return s3 ? encode(decode(path), "/") : encode(normalised(path), "/");
}

std::string canonical_query(std::string_view query) {
  Pairs pairs;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    if (one.empty()) continue;
    const auto equals = std::min(one.find('='), one.size());
    pairs.emplace_back(encode(decode(one.substr(0, equals))),
                       encode(decode(one.substr(std::min(equals + 1, one.size())))));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs)
    out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
  return out;
}

/// Without spaces around it; those inside become one.
std::string folded(std::string_view value) {
  std::string out;
  bool space = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      space = true;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    out += c;
  }
  return out;
}

/// By name; the values of one name are joined in their order.
Pairs canonical_headers(const Pairs& given) {
  Pairs out;
  for (const auto& [given_name, value] : given) {
    std::string name = lower(given_name);
    const auto same =
        std::find_if(out.begin(), out.end(), [&](const auto& o) { return o.first == name; });
    if (same == out.end())
      out.emplace_back(std::move(name), folded(value));
    else
      same->second.append(",").append(folded(value));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string names(const Pairs& headers) {
  std::string out;
  for (const auto& [name, value] : headers) out.append(out.empty() ? "" : ";").append(name);
  return out;
}

}  // namespace

bool is_s3(std::string_view service) noexcept {
  return service == "s3" || service == "s3-object-lambda" || service == "s3-outposts";
}

bool is_signed(std::string_view header) {
  const std::string name = lower(header);
  return name == "content-type" || name.starts_with("x-amz-");
}

std::string amz_date(std::int64_t unix_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> moment{milliseconds(unix_ms)};
  const auto day = floor<days>(moment);
  const year_month_day date(day);
  const hh_mm_ss time(floor<seconds>(moment) - day);
  std::array<char, 32> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string canonical_request(const Message& message, bool s3) {
  const auto mark = std::min(message.target.find('?'), message.target.size());
  const auto query = message.target.substr(std::min(mark + 1, message.target.size()));
  std::string out(message.method);
  out.append("\n").append(canonical_path(message.target.substr(0, mark), s3));
  out.append("\n").append(canonical_query(query)).append("\n");
  const Pairs headers = canonical_headers(message.headers);
  for (const auto& [name, value] : headers) out.append(name).append(":").append(value).append("\n");
  out.append("\n").append(names(headers)).append("\n").append(message.payload_hash);
  return out;
}

std::string authorization(const Credentials& credentials, const Message& message,
                          std::string_view date) {
  const std::string day(date.substr(0, 8));
  const std::string scope =
      day + "/" + credentials.region + "/" + credentials.service + "/aws4_request";
  std::string to_sign(algorithm);
  to_sign.append("\n").append(date).append("\n").append(scope).append("\n");
  to_sign += signing::hex(signing::sha256(canonical_request(message, is_s3(credentials.service))));

  std::string key = "AWS4" + credentials.secret_access_key;
  for (const std::string_view step :
       {std::string_view(day), std::string_view(credentials.region),
        std::string_view(credentials.service), std::string_view("aws4_request")})
    key = signing::hmac_sha256(key, step);
  std::string out(algorithm);
  out.append(" Credential=").append(credentials.access_key_id).append("/").append(scope);
  out.append(", SignedHeaders=").append(names(canonical_headers(message.headers)));
  out.append(", Signature=").append(signing::hex(signing::hmac_sha256(key, to_sign)));
  return out;
}

}  // namespace aws_sigv4
