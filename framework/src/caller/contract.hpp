#pragma once

#include "callerapi/abi/v1.h"
#include "callerapi/result.hpp"
#include "catalogue/snapshot.hpp"

namespace callerapi::caller {

/// May a caller that was compiled against `contract` call what is loaded? Equal
/// hashes answer at once; else method, path and body kinds must agree, every parameter the caller
/// can send must exist with its place and type, and every required one must be known to it.
/// Errors: `contract_mismatch`, naming the first difference.
Result<void> check_contract(const catalogue::Service& service, const policy::Endpoint& loaded,
                            const capi_endpoint& contract);

}  // namespace callerapi::caller
