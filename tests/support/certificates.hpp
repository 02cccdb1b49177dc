#pragma once

#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace callerapi::support {

/// What a test certificate says. Valid from an hour ago for a day unless the times say otherwise.
struct CertificateSpec {
  std::string common_name = "a test server";
  std::vector<std::string> names = {"svc.test"};  ///< dNSName entries.
  std::vector<std::string> addresses;             ///< iPAddress entries.
  long begins_s = -3600, ends_s = 86'400;         ///< Relative to now.
  std::string extended_usage = "serverAuth";      ///< Empty: without.
  bool authority = false;
  int rsa_bits = 0;  ///< 0: ECDSA.
  const char* curve = "P-256";
  bool sha1 = false;  ///< As digest of the signature.
};

/// A certificate and its key, in PEM; `chain` is what a server sends: itself, then its issuers
/// below the root.
struct Certificate {
  std::string pem, key, chain;
  struct Parts;
  std::shared_ptr<const Parts> parts;
};

/// For OpenSSL's own functions; owned by the certificate.
x509_st* certificate_of(const Certificate& certificate);
evp_pkey_st* key_of(const Certificate& certificate);

/// Signed by `issuer`, or by itself.
Certificate make_certificate(const CertificateSpec& spec, const Certificate* issuer = nullptr);
/// A root of trust.
Certificate make_authority(const std::string& common_name);

}  // namespace callerapi::support
