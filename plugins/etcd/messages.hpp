#pragma once

#include <callerapi/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What travels between etcd's JSON gateway and its callers. Keys and values are base64, see
/// base64.hpp. Numbers of 64 bits come as text, and what is zero or false does not come at all.
namespace etcd {

struct Header {
  std::optional<std::string> cluster_id, member_id, revision, raft_term;
};
CALLERAPI_JSON(Header, cluster_id, member_id, revision, raft_term)

struct KeyValue {
  std::string key;
  std::optional<std::string> value, create_revision, mod_revision, version, lease;
};
CALLERAPI_JSON(KeyValue, key, value, create_revision, mod_revision, version, lease)

/// Keys from `key` up to and without `range_end`; without the latter `key` alone.
struct Range {
  std::string key;
  std::optional<std::string> range_end, revision;
  std::optional<std::int64_t> limit;
  std::optional<bool> serializable, keys_only, count_only;
};
CALLERAPI_JSON(Range, key, range_end, revision, limit, serializable, keys_only, count_only)

struct Ranged {
  std::optional<Header> header;
  std::optional<std::vector<KeyValue>> kvs;
  std::optional<bool> more;
  std::optional<std::string> count;
};
CALLERAPI_JSON(Ranged, header, kvs, more, count)

struct Put {
  std::string key, value;
  std::optional<std::string> lease;
  std::optional<bool> prev_kv;
};
CALLERAPI_JSON(Put, key, value, lease, prev_kv)

struct WasPut {
  std::optional<Header> header;
  std::optional<KeyValue> prev_kv;
};
CALLERAPI_JSON(WasPut, header, prev_kv)

struct DeleteRange {
  std::string key;
  std::optional<std::string> range_end;
  std::optional<bool> prev_kv;
};
CALLERAPI_JSON(DeleteRange, key, range_end, prev_kv)

struct Deleted {
  std::optional<Header> header;
  std::optional<std::string> deleted;
  std::optional<std::vector<KeyValue>> prev_kvs;
};
CALLERAPI_JSON(Deleted, header, deleted, prev_kvs)

/// One condition of a transaction: `target` is VERSION, CREATE, MOD, VALUE or LEASE and names the
/// member that is given; `result` is EQUAL, GREATER, LESS or NOT_EQUAL.
struct Compare {
  std::string key, target, result;
  std::optional<std::string> version, create_revision, mod_revision, value, lease;
};
CALLERAPI_JSON(Compare, key, target, result, version, create_revision, mod_revision, value, lease)

/// One of the three.
struct Operation {
  std::optional<Range> request_range;
  std::optional<Put> request_put;
  std::optional<DeleteRange> request_delete_range;
};
CALLERAPI_JSON(Operation, request_range, request_put, request_delete_range)

/// `success` is done when every condition of `compare` holds, else `failure`; at most 128 each.
struct Txn {
  std::vector<Compare> compare;
  std::vector<Operation> success, failure;
};
CALLERAPI_JSON(Txn, compare, success, failure)

struct OperationDone {
  std::optional<Ranged> response_range;
  std::optional<WasPut> response_put;
  std::optional<Deleted> response_delete_range;
};
CALLERAPI_JSON(OperationDone, response_range, response_put, response_delete_range)

struct TxnDone {
  std::optional<Header> header;
  std::optional<bool> succeeded;
  std::optional<std::vector<OperationDone>> responses;
};
CALLERAPI_JSON(TxnDone, header, succeeded, responses)

struct LeaseGrant {
  std::int64_t ttl = 0;  ///< Seconds.
  std::optional<std::string> id;
};
CALLERAPI_JSON(LeaseGrant, (ttl, "TTL"), (id, "ID"))

struct LeaseId {
  std::string id;
};
CALLERAPI_JSON(LeaseId, (id, "ID"))

/// Without `ttl` the lease is gone: grant another one.
struct Lease {
  std::optional<Header> header;
  std::optional<std::string> id, ttl;
};
CALLERAPI_JSON(Lease, header, (id, "ID"), (ttl, "TTL"))

struct LeaseKept {
  Lease result;
};
CALLERAPI_JSON(LeaseKept, result)

struct Revoked {
  std::optional<Header> header;
};
CALLERAPI_JSON(Revoked, header)

struct WatchCreate {
  std::string key;
  std::optional<std::string> range_end;
  std::optional<std::string> start_revision;  ///< The last one seen, plus 1; absent: from now on.
  std::optional<bool> progress_notify, prev_kv;
};
CALLERAPI_JSON(WatchCreate, key, range_end, start_revision, progress_notify, prev_kv)

struct Watch {
  WatchCreate create_request;
};
CALLERAPI_JSON(Watch, create_request)

/// A put has no `type`, a deletion "DELETE" and no value.
struct Event {
  std::optional<std::string> type;
  std::optional<KeyValue> kv, prev_kv;
};
CALLERAPI_JSON(Event, type, kv, prev_kv)

/// The first has `created`; each later one holds the events of one revision, to be applied
/// together. After `canceled` nothing follows, though the stream stays open.
struct WatchResult {
  std::optional<Header> header;
  std::optional<bool> created, canceled;
  std::optional<std::string> cancel_reason, compact_revision;
  std::optional<std::vector<Event>> events;
};
CALLERAPI_JSON(WatchResult, header, created, canceled, cancel_reason, compact_revision, events)

struct WatchError {
  std::optional<std::int64_t> grpc_code, http_code;
  std::optional<std::string> message;
};
CALLERAPI_JSON(WatchError, grpc_code, http_code, message)

/// One line of a watch.
struct WatchLine {
  std::optional<WatchResult> result;
  std::optional<WatchError> error;
};
CALLERAPI_JSON(WatchLine, result, error)

struct Health {
  std::string health;  ///< "true"
};
CALLERAPI_JSON(Health, health)

struct Version {
  std::string etcdserver, etcdcluster;
};
CALLERAPI_JSON(Version, etcdserver, etcdcluster)

}  // namespace etcd
