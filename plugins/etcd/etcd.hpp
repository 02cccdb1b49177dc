#pragma once

#include <callerapi/plugin.hpp>

#include "base64.hpp"
#include "messages.hpp"

/// The contract of etcd 3.4 and later, through its JSON gateway.
namespace etcd {

using namespace callerapi::dsl;

/// Reading may be repeated. Writing may not: a put that is sent again after somebody else's put
/// undoes it. For a write that may be repeated use `txn` with a condition on the revision.
struct Etcd {
  static constexpr std::string_view id = "etcd", version = "1.0.0", owner = "callerapi";
  using api = endpoints<
      callerapi::dsl::get<"health", "/health", Health>,
      callerapi::dsl::get<"version", "/version", Version>,
      post<"range", "/v3/kv/range", Range, Ranged, idempotent>,
      post<"put", "/v3/kv/put", Put, WasPut>,
      post<"delete_range", "/v3/kv/deleterange", DeleteRange, Deleted>,
      post<"txn", "/v3/kv/txn", Txn, TxnDone>,
      post<"lease_grant", "/v3/lease/grant", LeaseGrant, Lease>,
      post<"lease_keepalive", "/v3/lease/keepalive", LeaseId, LeaseKept, idempotent>,
      post<"lease_revoke", "/v3/lease/revoke", LeaseId, Revoked>,
      post<"lease_ttl", "/v3/lease/timetolive", LeaseId, Lease, idempotent>,
      // Read it with stream<"watch">: JsonLines<WatchLine>. It never ends by itself, and may rest
      // for as long as nobody writes. The header makes a member that lost its cluster say so.
      post<"watch", "/v3/watch", Watch, bytes, idempotent, policy<"timeouts.stream_idle", "0s">,
           policy<"headers.Grpc-Metadata-Hasleader", "true">>>;
};

}  // namespace etcd
