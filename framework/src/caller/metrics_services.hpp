#pragma once

#include <map>
#include <memory>
#include <string>

#include "caller/exposition.hpp"
#include "catalogue/snapshot.hpp"

namespace callerapi::caller {

class Host;

using Services = std::map<std::string, std::shared_ptr<const catalogue::Service>, std::less<>>;

/// The label server_port; empty for a unix socket.
std::string port_text(const catalogue::Service& service);

/// What each service stands at: its calls, pools, policies, credential, plugin.
void write_services(Exposition& out, const Services& services, TimePoint now);

/// What all services of the Caller share.
void write_process(Exposition& out, const Host& host);

}  // namespace callerapi::caller
