#pragma once

#include <string>

/// What parts of a call are measured with: by Google Benchmark here, and counted by tests/cost.
namespace callerapi::bench {

/// nginx answering a JSON document: 155 bytes of head, 256 of body. The usual case of a call.
inline std::string small_response() {
  return "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 13:42:40 GMT\r\n"
         "Content-Type: application/json\r\nContent-Length: 256\r\nConnection: keep-alive\r\n\r\n" +
         std::string(256, 'x');
}

/// Behind a gateway: 520 bytes of head in 11 fields, 1 KiB of body.
inline std::string large_response() {
  return "HTTP/1.1 200 OK\r\nServer: envoy\r\nDate: Tue, 24 Nov 2026 13:42:40 GMT\r\n"
         "Content-Type: application/json; charset=utf-8\r\nContent-Length: 1024\r\n"
         "Cache-Control: private, max-age=0, must-revalidate\r\n"
         "Strict-Transport-Security: max-age=31536000; includeSubDomains; preload\r\n"
         "X-Request-Id: 5f0c7f0e-6a3c-4a52-9b57-7d0f8a2f4c11\r\n"
         "Vary: Accept-Encoding, Origin, Authorization, X-Team, "
         "X-Region\r\nX-Content-Type-Options: nosniff\r\n"
         "X-Envoy-Upstream-Service-Time: 12\r\nETag: "
         "\"9b57-5f0c7f0e6a3c4a52-7d0f8a2f4c11-7d0f8a2f4c1100aa5f0c7f0e6a\"\r\n\r\n" +
         std::string(1024, 'x');
}

/// 1 KiB in four chunks.
inline std::string chunked_response() {
  std::string out =
      "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 13:42:40 GMT\r\n"
      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: "
      "keep-alive\r\n\r\n";
  for (int i = 0; i < 4; ++i) out += "100\r\n" + std::string(256, 'x') + "\r\n";
  return out + "0\r\n\r\n";
}

}  // namespace callerapi::bench
