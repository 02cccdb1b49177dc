#pragma once

#include <callerapi/json.hpp>
#include <callerapi/plugin.hpp>
#include <map>
#include <string>

/// The contract of httpbin, a service that echoes what it is sent.
namespace httpbin {

using namespace callerapi::dsl;

struct Echo {
  std::map<std::string, std::string> args, headers;
  std::string url;
};
CALLERAPI_JSON(Echo, args, headers, url)

struct Note {
  std::string title;
  int pages = 0;
};
CALLERAPI_JSON(Note, title, pages)

struct Posted {
  std::map<std::string, std::string> args, form, files;
  std::string data;
  std::optional<Note> json;
};
CALLERAPI_JSON(Posted, args, form, files, data, json)

struct Httpbin {
  static constexpr std::string_view id = "httpbin", version = "1.0.0", owner = "callerapi";
  using api =
      endpoints<common, callerapi::dsl::get<"get", "/get", Echo, opt<"limit", int>>,
                post<"post_json", "/post", Note, Posted>, post<"post_form", "/post", form, Posted>,
                post<"upload", "/post", multipart, Posted>, put<"put", "/put", bytes, Posted>,
                patch<"patch", "/patch", Note, Posted>, del<"delete", "/delete", none, Posted>,
                del<"delete_body", "/delete", Note, Posted>,
                callerapi::dsl::get<"status", "/status/{code}", bytes, path<"code", int>>,
                callerapi::dsl::get<"delay", "/delay/{seconds}", Echo, path<"seconds", int>>,
                callerapi::dsl::get<"stream", "/stream/{lines}", bytes, path<"lines", int>>,
                callerapi::dsl::get<"bytes", "/bytes/{count}", bytes, path<"count", int>>>;
};

}  // namespace httpbin
