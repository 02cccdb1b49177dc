#pragma once

#include <string>

#include "callerapi/abi/v1.h"

namespace callerapi::probe {

/// A request and a response as the kit's host shows them to hooks. Texts are borrowed.
struct KitRequest {
  capi_str method, target, endpoint, authority, body;
  bool refuses = false;  ///< Every question about it fails.
};
struct KitResponse {
  std::int32_t status = 200;
  capi_str body{};
  bool refuses = false;
};

/// A host with an answer to everything: "1" for every header, and for every key of the
/// configuration unless one was given.
extern const capi_host kit_host;

/// From now on that is the configuration: one JSON object of texts. Before the first Instance.
/// False: it is no such object.
bool give_config(const std::string& json);
bool config_given() noexcept;

/// A plugin's object, made by that host. Destroyed with this.
class Instance {
 public:
  explicit Instance(const capi_plugin& plugin);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// Empty: it was made, or the plugin makes none.
  const std::string& why() const noexcept { return why_; }
  bool hooked() const noexcept {
    return hooks_.sign != nullptr || hooks_.on_request != nullptr ||
           hooks_.on_response != nullptr || hooks_.map_error != nullptr;
  }
  const capi_hooks& hooks() const noexcept { return hooks_; }
  void* self() const noexcept { return self_; }

  /// Every hook once, in the order of a call that fails. Answers the rule that one broke, or
  /// nothing; a hook may fail. Thread-safe.
  std::string round(KitRequest request, KitResponse response) const;

 private:
  const capi_plugin& plugin_;
  capi_hooks hooks_;
  void* self_ = nullptr;
  bool made_ = false;
  std::string why_;
};

capi_str kit_text(const char* text) noexcept;
KitRequest kit_request() noexcept;

}  // namespace callerapi::probe
