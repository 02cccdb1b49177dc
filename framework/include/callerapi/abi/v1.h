/* The border between a host and a plugin: plain C11, <stdint.h> only.
 *
 * A plugin exports one constant data symbol, `callerapi_plugin_v0`, of type capi_plugin. The host
 * reads it without running plugin code and copies what it needs. Rules that hold for ever:
 *  - every struct starts with its size; members are only ever appended; a reader copies
 *    min(size, sizeof of its own) and takes what is missing as zero; arrays carry their stride;
 *  - every pointer is borrowed for the duration of a call, but for the descriptor, which lives as
 *    long as the library is mapped; nobody frees the other side's memory;
 *  - nothing throws across; every function is safe to call with any argument the types allow.
 * Until 1.0 the symbol ends in `_v0` and the layout may change: docs/reference/compatibility.md.
 */
#ifndef CALLERAPI_ABI_V1_H
#define CALLERAPI_ABI_V1_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CALLERAPI_ABI_MAJOR 0
#define CALLERAPI_ABI_MINOR 1

/* Text is UTF-8, counted, not terminated, and borrowed: whoever needs it longer copies it. */
typedef struct capi_str {
  const char* ptr;
  uint64_t len;
} capi_str;

/* 0 is success; a negative value is a failure described in capi_error_out. */
typedef int32_t capi_status;

/* Owned by the host, valid during a hook. */
typedef struct capi_request capi_request;
typedef struct capi_response capi_response;

typedef struct capi_error_out { /* the caller's; filled in by who fails */
  uint32_t size;
  uint32_t code;
  char msg[240]; /* one line of UTF-8, terminated, no secrets */
} capi_error_out;

/* One policy setting, in the keys and texts of registry.toml: {"timeouts.total", "5s"}. */
typedef struct capi_setting {
  capi_str key;
  capi_str value;
} capi_setting;

enum capi_place { /* where a parameter goes */
                  CAPI_PATH = 1,
                  CAPI_QUERY = 2,
                  CAPI_HEADER = 3,
                  CAPI_FORM = 4,
                  CAPI_LOCATION =
                      5 /* a URL of the same origin that the service handed out, sent unencoded;
                            the endpoint's path is `{name}` alone, the parameter required */
};

enum capi_type { CAPI_TEXT = 1, CAPI_INTEGER = 2, CAPI_REAL = 3, CAPI_BOOLEAN = 4 };

typedef struct capi_param {
  uint32_t size;
  uint8_t place;    /* capi_place */
  uint8_t type;     /* capi_type */
  uint8_t required; /* 0 or 1 */
  uint8_t reserved;
  capi_str name;
} capi_param;

enum capi_body { /* what a body is made of */
                 CAPI_BODY_NONE = 1,
                 CAPI_BODY_JSON = 2,
                 CAPI_BODY_FORM = 3,
                 CAPI_BODY_MULTIPART = 4,
                 CAPI_BODY_BYTES = 5
};

enum capi_idempotency {                                 /* may a request be sent twice? */
                        CAPI_IDEMPOTENCY_BY_METHOD = 0, /* RFC 9110 9.2.2 */
                        CAPI_IDEMPOTENT = 1,
                        CAPI_NOT_IDEMPOTENT = 2,
                        CAPI_IDEMPOTENCY_KEY = 3 /* made so by an Idempotency-Key header */
};

typedef struct capi_endpoint {
  uint32_t size;
  uint8_t request_body;  /* capi_body */
  uint8_t response_body; /* capi_body: none, json or bytes */
  uint8_t idempotency;   /* capi_idempotency */
  uint8_t reserved;
  capi_str name;
  capi_str method; /* an HTTP token: "GET", "PROPFIND" */
  capi_str path;   /* absolute, an RFC 6570 template: "/v1/invoices/{id}" */
  const capi_param* params;
  uint32_t n_params;
  uint32_t param_stride;
  const capi_setting* policy;
  uint32_t n_policy;
  uint32_t policy_stride;
  uint64_t schema_hash; /* of method, path, parameters, body kinds: FNV-1a, see dsl/endpoint.hpp */
} capi_endpoint;

/* What the host offers; thread-safe, never throws. Texts of the config live as long as the
 * plugin's object, those of a request or response until the hook returns. */
typedef struct capi_host {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;
  uint64_t host_version;
  void* ctx;
  const void* (*get_extension)(void* ctx, const char* id); /* "callerapi.time/1" or null */
  capi_status (*config_get)(void* ctx, capi_str key, capi_str* out);
  void (*log)(void* ctx, int32_t level, capi_str message);
  capi_status (*request_header)(const capi_request*, capi_str name, capi_str* out);
  capi_status (*request_set_header)(capi_request*, capi_str name, capi_str value);
  capi_status (*request_info)(const capi_request*, uint32_t what, capi_str* out);
  capi_status (*request_body)(const capi_request*, capi_str* out);
  int32_t (*response_status)(const capi_response*);
  capi_status (*response_header)(const capi_response*, capi_str name, capi_str* out);
  capi_status (*response_body)(const capi_response*, capi_str* out);
  /* The request's headers by their number, from 0; a failure behind the last. */
  capi_status (*request_header_at)(const capi_request*, uint64_t index, capi_str* name,
                                   capi_str* value);
} capi_host;

enum capi_request_info { /* what request_info() is asked for; answered as text */
                         CAPI_INFO_METHOD = 1,
                         CAPI_INFO_TARGET = 2,
                         CAPI_INFO_ENDPOINT = 3,
                         CAPI_INFO_ATTEMPT = 4,
                         CAPI_INFO_AUTHORITY = 5,
                         CAPI_INFO_BODY_STREAMED = 6 /* "1" when request_body cannot show it */
};

/* The extension "callerapi.time/1". */
typedef struct capi_time {
  uint32_t size;
  uint32_t reserved;
  int64_t (*unix_ms)(void* ctx);
} capi_time;

/* Each may be null. Any thread, concurrently; no throwing, no blocking. A hedged call is two. */
typedef struct capi_hooks {
  uint32_t size;
  uint32_t flags;
  capi_status (*sign)(void* self, capi_request*, capi_error_out*);       /* per attempt, last */
  capi_status (*on_request)(void* self, capi_request*, capi_error_out*); /* first attempt */
  capi_status (*on_response)(void* self, const capi_response*, capi_error_out*);
  /* For a status of 400 and more: a failure's msg becomes part of the typed error. */
  capi_status (*map_error)(void* self, const capi_response*, capi_error_out*);
} capi_hooks;

typedef struct capi_plugin {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;
  uint64_t min_host_version;
  uint64_t features_required;
  capi_str id;
  capi_str version; /* of the contract: semantic versioning */
  capi_str owner;
  const capi_endpoint* endpoints;
  uint32_t n_endpoints;
  uint32_t endpoint_stride;
  const capi_setting* policy; /* for every endpoint */
  uint32_t n_policy;
  uint32_t policy_stride;
  const capi_hooks* hooks; /* null: nothing but declarations */
  /* On any thread; one object's never at once, but beside another's. Null: there are no hooks. */
  capi_status (*create)(const capi_host*, void** self, capi_error_out*);
  capi_status (*quiesce)(void* self, uint32_t budget_ms);
  void (*destroy)(void* self);
} capi_plugin;

#define CALLERAPI_PLUGIN_SYMBOL "callerapi_plugin_v0"

/* What a host reads from the file before it maps any of it: an ELF note in the section
 * `.note.callerapi`, named "CallerAPI", of type 1. The texts are those of the descriptor,
 * terminated and filled up with zeros. The layout never changes; another one is another type. */
typedef struct capi_note {
  uint32_t name_size; /* 10 */
  uint32_t desc_size; /* 128 */
  uint32_t type;      /* 1 */
  char name[12];      /* "CallerAPI" */
  uint32_t size;      /* 128 */
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t min_host_version[2]; /* low half first: a note is aligned to 4 bytes only */
  char id[64];
  char version[24];
  char compiler[24];
} capi_note;

#define CALLERAPI_NOTE_SECTION ".note.callerapi"

#ifdef __cplusplus
}
#endif

#endif /* CALLERAPI_ABI_V1_H */
