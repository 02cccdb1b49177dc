#pragma once

#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/environment.hpp"
#include "registry/node.hpp"
#include "registry/registry.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {

/// One text of the file, expanded, with its place.
struct Text {
  std::string value;
  std::string origin;  ///< "registry.toml:41", "environment X"
  std::string where;   ///< "registry.toml:41:9: services.x.base_url"
  bool secret = false, changed = false;
};

/// Turns one parsed file into a Registry. Faults are collected, so that lint shows all at once.
/// One thread; used once.
class Reader {
 public:
  /// `alone`: nobody will lay plugins beneath the settings and check what comes of it, so that they
  /// are checked over the built-in values here.
  Reader(std::string name, std::filesystem::path directory, Environment environment,
         bool alone = false)
      : name_(std::move(name)),
        directory_(std::move(directory)),
        environment_(std::move(environment)),
        alone_(alone) {}

  Registry read(const Node& root);
  /// In the order of the file; those of the environment last.
  std::vector<Error> faults();

 private:
  struct Fault {
    unsigned line;
    Error error;
    bool missing = false;  ///< A variable or file is not there for now.
  };
  /// What is being read: an entry and its dotted path.
  struct Spot {
    const Node& node;
    std::string path;
  };

  /// One key of a `tls` or `auth` table; the line is 0 for the environment.
  struct TlsKey {
    Text text;
    unsigned line = 0;
  };
  using TlsKeys = std::map<std::string, TlsKey>;

  /// A service with an `auth` table, for what cannot be checked before all services are read.
  struct AuthSpot {
    std::string service;
    unsigned line = 0;
    std::string where;  ///< "registry.toml:41:1: services.x.auth"
    TlsKey token_service;
    bool insecure = false;
  };

  std::string place(Node::Place at) const;
  std::string short_place(Node::Place at) const;
  void fault(unsigned line, std::string reason, std::string message);
  void fault_at(const Spot& spot, std::string reason, const std::string& what);
  void fault_at_key(const Spot& spot, std::string reason, const std::string& what);
  void add(unsigned line, std::vector<Error> errors);

  void known_only(const Spot& table, std::initializer_list<std::string_view> known);
  /// Nothing when the key is missing or no table; the latter is a fault.
  std::optional<Spot> table(const Spot& parent, std::string_view key);
  std::optional<Spot> table(const Spot& parent, const Node& member);
  std::optional<Text> text(const Spot& parent, std::string_view key);
  std::optional<std::vector<Text>> texts(const Spot& spot, const std::string& rule);
  std::optional<Text> expanded(const Spot& spot);
  bool flag(const Spot& parent, std::string_view key, bool fallback);
  const std::string* variable(const std::string& name) const;

  void settings(const Spot& table, const std::string& prefix, bool endpoint,
                const std::vector<std::string>& beside, catalogue::Layer& into);
  void setting(const Spot& spot, const std::string& name, bool endpoint, catalogue::Layer& into);
  void layer(const Spot& table, bool endpoint, const std::vector<std::string>& beside,
             catalogue::Layer& into);

  void read_env_file(const Spot& caller);
  void read_caller(const Spot& root, Registry& registry);
  void read_names(const Spot& caller, Registry& registry, const std::string& resolver);
  void read_profiles(const Spot& root, Registry& registry);
  void read_clamps(const Spot& root);
  void read_service(const Spot& spot, Registry& registry);
  void read_plugin(const Spot& spot, ServiceEntry& service);
  void read_contract(const Spot& spot, ServiceEntry& service);
  void read_addresses(const Spot& spot, std::vector<wire::AddressRange>& into);
  void read_proxy(const Spot& spot, ServiceEntry& service);
  void read_instances(const Spot& spot, ServiceEntry& service);
  void read_instance_list(const Spot& list, const wire::BaseUrl& base, ServiceEntry& service);
  void add_instance(const Text& url, unsigned line, int weight, const wire::BaseUrl& base,
                    ServiceEntry& service);
  std::optional<TlsKey> overridable(const Spot& spot, const std::string& key,
                                    const ServiceEntry& service);
  void read_discovery(const Spot& spot, const wire::BaseUrl& base, ServiceEntry& service);
  void read_poll(const TlsKey& key, ServiceEntry& service);
  void check_polls(const Registry& registry);
  void read_instances_from(const TlsKey& key, const wire::BaseUrl& base, ServiceEntry& service);
  void read_config(const Spot& spot, ServiceEntry& service);
  void read_endpoints(const Spot& spot, ServiceEntry& service);
  void read_base_url(const Spot& spot, ServiceEntry& service);
  void read_tls(const Spot& parent, TlsKeys& into);
  void override_tls(const ServiceEntry& service, TlsKeys& into);
  void load_tls(const Spot& spot, ServiceEntry& service, Registry& registry);
  void check_tls(const TlsKeys& keys, const ServiceEntry& service);
  std::string tls_file(const TlsKeys& keys, const std::string& key, const char* reason);
  void read_auth(const Spot& spot, ServiceEntry& service);
  TlsKeys auth_keys(const Spot& auth, const ServiceEntry& service);
  void override_auth(const ServiceEntry& service, TlsKeys& into);
  void check_auth_keys(const Spot& auth, const TlsKeys& given, AuthEntry::Type type);
  void fill_auth(const TlsKeys& given, AuthEntry& into);
  using Services = std::map<std::string, const ServiceEntry*>;
  static std::string auth_ring(const std::string& service, const Services& services);
  void check_auths(const Registry& registry);
  void read_overrides(ServiceEntry& service);
  bool override_field(ServiceEntry& service, const std::string& key, const std::string& value);
  void override_setting(ServiceEntry& service, const std::string& key, const Text& text);
  void check_names(const Registry& registry);
  void check_levels(const ServiceEntry& service);
  void check_levels(const catalogue::Layers& levels, std::string_view plugin);
  void warn_of_strangers(Registry& registry) const;

  const std::string name_;
  const std::filesystem::path directory_;
  Environment environment_;
  const bool alone_;
  std::vector<Fault> faults_;
  catalogue::Layer defaults_, clamps_;
  std::vector<wire::AddressRange> default_addresses_;
  std::optional<Text> default_proxy_;
  TlsKeys default_tls_;
  std::vector<AuthSpot> auths_;
  std::vector<std::pair<std::string, TlsKey>> polls_;  ///< By service: who is asked for instances.
  std::optional<Text> default_url_;
  bool python_env_ = false;
};

}  // namespace callerapi::registry
