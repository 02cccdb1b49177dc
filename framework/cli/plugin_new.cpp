// `callerapi plugin new`: a project that builds, passes its test and can be installed as it stands.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>

#include "callerapi/version.hpp"
#include "plugin.hpp"

namespace callerapi::cli {
namespace {

namespace fs = std::filesystem;

struct Template {
  const char* path;
  const char* text;
};

// @name@ billing-eu, @word@ billing_eu, @Type@ BillingEu, @sdk@ 0.1
constexpr Template templates[] = {
    {"CMakeLists.txt", R"(cmake_minimum_required(VERSION 3.25)
project(@word@ LANGUAGES CXX)

find_package(CallerAPI @sdk@ REQUIRED COMPONENTS sdk)
callerapi_add_plugin(@name@ SOURCES @word@.cpp CONTRACT @word@.hpp)

enable_testing()
add_executable(@word@_test @word@_test.cpp)
target_link_libraries(@word@_test PRIVATE CallerAPI::sdk)
add_test(NAME @Type@.SignsEveryRequest COMMAND @word@_test)
)"},
    {"@word@.hpp",
     R"(// The contract of the service @name@: its plugin and its callers include this.
#pragma once

#include <callerapi/json.hpp>
#include <callerapi/plugin.hpp>
#include <stdexcept>
#include <string>

namespace @word@ {
using namespace callerapi::dsl;

struct Thing {
  std::string id;
  int count = 0;
};
CALLERAPI_JSON(Thing, id, count)

struct @Type@ {
  static constexpr std::string_view id = "@name@", version = "0.1.0", owner = "team-@name@";
  using api = endpoints<get<"get", "/v1/things/{id}", Thing, path<"id">>,
                        post<"create", "/v1/things", Thing, Thing, idempotency_key>>;

  // A plugin without hooks needs neither this nor the rest.
  explicit @Type@(callerapi::HostView host) : token(host.config("token").value_or("")) {
    if (token.empty()) throw std::runtime_error("config.token is missing");
  }
  void sign(callerapi::SignRequest& request) { request.header("Authorization", "Bearer " + token); }

  std::string token;
};
}  // namespace @word@
)"},
    {"@word@.cpp", R"(#include "@word@.hpp"

CALLERAPI_PLUGIN(@word@::@Type@)
)"},
    {"@word@_test.cpp", R"(// The hooks, without a host and without a network.
#include "@word@.hpp"

#include <callerapi/testing.hpp>
#include <iostream>

using namespace callerapi::testing;

int main() {
  FakeHost host{{"token", "s3cret"}};
  HookedPlugin<@word@::@Type@> plugin(host);
  FakeRequest request{.method = "POST", .target = "/v1/things"};

  const std::string failed = plugin.sign(request);

  if (!failed.empty() || request.headers["Authorization"] != "Bearer s3cret") {
    std::cerr << "sign: " << failed << " '" << request.headers["Authorization"] << "'\n";
    return 1;
  }
  try {
    FakeHost unconfigured;
    HookedPlugin<@word@::@Type@> refused(unconfigured);
  } catch (const std::runtime_error& e) {
    return std::string(e.what()) == "config.token is missing" ? 0 : 1;
  }
  std::cerr << "made without a token\n";
  return 1;
}
)"},
    {"registry.toml", R"(# For callers of @name@: what goes into their registry.toml.
schema = 1
[caller]
plugin_dir = "plugins"

[services.@name@]
plugin   = "@name@"
base_url = "${@VARIABLE@_URL:-http://127.0.0.1:8080}"
config   = { token = "${@VARIABLE@_TOKEN:-change-me}" }
)"}};

std::string filled(std::string text, const std::string& name) {
  std::string word = name, type, variable;
  for (char& c : word)
    if (c == '-') c = '_';
  bool begins = true;
  for (const char c : word) {
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    variable += upper;
    if (c != '_') type += begins ? upper : c;
    begins = c == '_';
  }
  const std::string version = version_string;
  const std::pair<const char*, std::string> holes[] = {
      {"@name@", name},
      {"@word@", word},
      {"@Type@", type},
      {"@VARIABLE@", variable},
      {"@sdk@", version.substr(0, version.rfind('.'))}};
  for (const auto& [hole, value] : holes)
    for (auto at = text.find(hole); at != std::string::npos; at = text.find(hole, at))
      text.replace(at, std::strlen(hole), value);
  return text;
}

int usage(const std::string& text) {
  std::cerr << "callerapi: " << text << '\n';
  return 2;
}

/// Why C++ and CMake could not be given such a name; empty: they can.
std::string fault(const std::string& name) {
  static const std::regex rule("[a-z][a-z0-9]*([_-][a-z0-9]+)*");
  if (name.size() > 63 || !std::regex_match(name, rule))
    return "expected a name such as billing or billing-eu: lower-case letters and digits in groups "
           "joined by '-' or '_', beginning with a letter, at most 63 bytes";
  for (const char* taken :
       {"auto",    "bool",    "break",     "case",   "catch",   "char",   "class",  "const",
        "default", "delete",  "do",        "double", "else",    "enum",   "export", "extern",
        "false",   "float",   "for",       "friend", "goto",    "if",     "int",    "long",
        "main",    "mutable", "namespace", "new",    "not",     "or",     "and",    "operator",
        "private", "public",  "register",  "return", "short",   "signed", "static", "std",
        "struct",  "switch",  "template",  "test",   "this",    "throw",  "true",   "try",
        "typedef", "union",   "unsigned",  "using",  "virtual", "void",   "while",  "callerapi",
        "concept", "requires"})
    if (name == taken) return "is a word of C++ or of the SDK; take another";
  return {};
}

}  // namespace

int run_plugin_new(const std::string& name, const std::string& directory) {
  if (const std::string why = fault(name); !why.empty()) return usage("'" + name + "': " + why);
  const fs::path folder = directory.empty() ? fs::path(name) : fs::path(directory);
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return usage(folder.string() + ": " + failed.message());
  if (!fs::is_empty(folder, failed) || failed)
    return usage(folder.string() + ": is not empty; name a new folder with --dir");
  // Both are what the loader will look at, whatever the umask.
  fs::create_directory(folder / "plugins", failed);
  for (const fs::path& own : {folder, folder / "plugins"}) ::chmod(own.c_str(), 0755);
  for (const Template& file : templates) {
    const fs::path path = folder / filled(file.path, name);
    std::ofstream out(path);
    out << filled(file.text, name);
    out.close();
    if (!out) return usage(path.string() + ": cannot be written: " + std::strerror(errno));
    ::chmod(path.c_str(), 0644);
  }
  const std::string where = folder.string();
  std::cout << where << ": a plugin, its test and a registry. Next:\n"
            << "  cmake -S " << where << " -B " << where << "/build && cmake --build " << where
            << "/build\n"
            << "  ctest --test-dir " << where << "/build\n"
            << "  callerapi plugin check " << where << "/build/plugins/" << name << ".capi.so\n"
            << "  callerapi plugin install " << where << "/build/plugins/" << name
            << ".capi.so --registry " << where << "/registry.toml\n";
  return 0;
}

}  // namespace callerapi::cli
