#pragma once

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "callerapi/caller.hpp"
#include "support/certificates.hpp"
#include "support/static_plugin.hpp"
#include "support/tls_server.hpp"

namespace callerapi {

/// The certificates every TLS test shares, made once.
struct Pki {
  support::Certificate root = support::make_authority("the test root");
  support::Certificate other_root = support::make_authority("another root");
  support::Certificate good = support::make_certificate({}, &root);
  support::Certificate client = support::make_certificate(
      {.common_name = "invoice-worker", .names = {}, .extended_usage = "clientAuth"}, &root);
  support::Certificate foreign_client = support::make_certificate(
      {.common_name = "a stranger", .names = {}, .extended_usage = "clientAuth"}, &other_root);

  static const Pki& get() {
    static const Pki pki;
    return pki;
  }
};

/// A folder for PEM files and a registry, and a Caller over it.
class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "callerapi-tls-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write("ca.pem", Pki::get().root.pem);
  }
  ~TlsTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / (name + ".new"), std::ios::binary) << text;
    std::filesystem::rename(folder_ / (name + ".new"), folder_ / name);
  }

  /// `tls` is the body of its [services.X.tls].
  static std::string service(const std::string& name, const std::string& url,
                             const std::string& tls, const std::string& more = "") {
    return "[services." + name + "]\nplugin = \"static:echo\"\nbase_url = \"" + url + "\"\n" +
           "retry.max_attempts = 1\n" + more + "[services." + name + ".tls]\n" + tls;
  }
  static inline const std::string trusting = "ca_file = \"ca.pem\"\nserver_name = \"svc.test\"\n";

  void write_registry(const std::string& services) const {
    write("registry.toml", "schema = 1\n" + services);
  }
  Result<Caller> try_open(const std::string& services, LogSink log = {}) const {
    write_registry(services);
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    options.watch = false;
    options.log = std::move(log);
    return Caller::open((folder_ / "registry.toml").string(), std::move(options));
  }
  Caller open(const std::string& services, LogSink log = {}) const {
    return try_open(services, std::move(log)).value();
  }

  static Result<Response> get(Caller& caller, const std::string& service,
                              const std::string& id = "1") {
    return caller.call(service, "get", Request{}.path("id", id));
  }
  static support::Script echo(const support::SeenRequest& request) {
    return {.bytes = support::ok(request.method + " " + request.target + " " + request.body)};
  }
  static support::TlsBehaviour good() {
    support::TlsBehaviour behaviour;
    behaviour.identity = Pki::get().good;
    return behaviour;
  }

  std::filesystem::path folder_;
};

}  // namespace callerapi
