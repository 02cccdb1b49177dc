#pragma once

#include <string>

#include "callerapi/request.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"
#include "policy/credential.hpp"

namespace callerapi::policy {

/// RFC 6749 4.4: who asks for tokens, where, and for what. A value.
struct ClientCredentials {
  std::string service, path;  ///< The token endpoint: a service of the registry and a path of it.
  std::string client_id, client_secret;
  std::string scope, audience;  ///< Left out of the request where empty.
};

/// The POST that asks for a token: id and secret in the Authorization field (RFC 6749 2.3.1), all
/// else in the form.
Request token_request(const ClientCredentials& asks);

/// What came of it. Errors: `auth_error`; the text names the token service and its error code, and
/// shows nothing else of what it said.
Result<Grant> read_grant(const ClientCredentials& asks, const Result<Response>& answer);

}  // namespace callerapi::policy
