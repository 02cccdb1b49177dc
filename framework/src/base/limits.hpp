#pragma once

#include <cstddef>
#include <cstdint>

// Every bound of the library that is not a registry key, each with the reason for its number.
namespace callerapi::base::limits {

// Registry. A generated registry of 10,000 services is about 4 MiB.
inline constexpr std::size_t registry_bytes_max = 16u << 20;
// toml++ recurses over dotted keys and overflows the stack near 200,000 segments.
inline constexpr std::size_t registry_key_depth_max = 16;
inline constexpr std::size_t registry_line_bytes_max = 64u << 10;
inline constexpr std::size_t service_name_bytes_max = 63;  // fits a DNS label

// Plugins. The largest sensible plugin, with a static runtime and debug symbols, is under 10 MiB.
inline constexpr std::size_t plugin_bytes_max = 64u << 20;
// What is watched: no registry and no plugin that is larger is read.
inline constexpr std::size_t watched_bytes_max = plugin_bytes_max;
inline constexpr std::size_t endpoints_max = 1024;
inline constexpr std::size_t params_max = 64;
inline constexpr std::size_t settings_max = 64;
inline constexpr std::size_t plugin_text_bytes_max = 4096;  // one name, path or setting

// Request head. Servers refuse more: nginx 8 KiB a line, most others 64 KiB in all.
inline constexpr std::size_t request_head_bytes_max = 64u << 10;
inline constexpr std::size_t request_target_bytes_max = 16u << 10;

// W3C Trace Context 3.3.1.5: 512 bytes must be handed on; more may be dropped.
inline constexpr std::size_t tracestate_bytes_max = 512;

// JSON. Deeper documents are attacks: every known API stays below 32.
inline constexpr std::size_t json_depth_max = 128;

// Content codings. Text rarely shrinks below 1/20; deflate's own bound is 1,032 to 1. What stays
// below the floor harms nobody, however small it was coded.
inline constexpr std::size_t codings_max = 2;
inline constexpr std::uint64_t inflate_ratio_max = 100;
inline constexpr std::uint64_t inflate_floor_bytes = 1u << 20;

// Request bodies below this are sent as they are: the head of a gzip member and the work eat the
// gain.
inline constexpr std::size_t request_gzip_bytes_min = 1u << 10;
// And above this in memory: zlib counts 32 bits at a time.
inline constexpr std::size_t request_gzip_bytes_max = 1u << 30;

// A download goes on so often after its connection broke; a peer that breaks more is no source.
inline constexpr int download_resumes_max = 8;

// A body excerpt in an error: enough for any problem+json.
inline constexpr std::size_t body_excerpt_bytes_max = 64u << 10;

// Names. Sixteen addresses tried 250 ms apart already take four seconds.
inline constexpr std::size_t name_addresses_max = 16;
// Some 400 services, each under its own name, with room for what reloads leave behind: 1,024 names
// of 16 addresses are under 1 MiB.
inline constexpr std::size_t names_max = 1024;
// The largest block lists in use as hosts files are near 4 MiB.
inline constexpr std::size_t hosts_file_bytes_max = 16u << 20;

// What lies ready of a streamed body. The exchange beneath holds up to three times as much.
inline constexpr std::size_t stream_buffer_bytes = 64u << 10;

// How much one read from a file or socket moves: from 64 KiB to 512 KiB bulk reads get 3x cheaper.
inline constexpr std::size_t bulk_bytes = 256u << 10;

}  // namespace callerapi::base::limits
