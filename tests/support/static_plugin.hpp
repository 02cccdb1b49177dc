#pragma once

#include "callerapi/abi/v1.h"

namespace callerapi::support {

/// A plugin written against the bare C ABI and linked into the test program: id "echo", endpoints
/// get (GET /echo/{id}), put (PUT /echo/{id}, bytes), create (POST /echo, json, not idempotent),
/// keyed (POST /keyed, json, made idempotent by a key).
const capi_plugin* echo_plugin() noexcept;

}  // namespace callerapi::support
