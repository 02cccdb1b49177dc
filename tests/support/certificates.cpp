#include "support/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <stdexcept>

namespace callerapi::support {

struct Certificate::Parts {
  Parts(X509* c, EVP_PKEY* k) : certificate(c), key(k) {}
  ~Parts() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  X509* certificate;
  EVP_PKEY* key;
};

namespace {

template <class Write>
std::string pem_of(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (!extension) throw std::runtime_error("bad extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string alternative_names(const CertificateSpec& spec) {
  std::string text;
  for (const std::string& name : spec.names) text += (text.empty() ? "DNS:" : ",DNS:") + name;
  for (const std::string& address : spec.addresses)
    text += (text.empty() ? "IP:" : ",IP:") + address;
  return text;
}

}  // namespace

Certificate make_certificate(const CertificateSpec& spec, const Certificate* issuer) {
  static std::atomic<long> serial{1};
  EVP_PKEY* key = spec.rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(spec.rsa_bits))
                                    : EVP_EC_gen(spec.curve);
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), spec.begins_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), spec.ends_s);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1,
                             -1, 0);
  X509* signer = issuer ? issuer->parts->certificate : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  X509_set_pubkey(certificate, key);
  extend(certificate, signer, NID_basic_constraints,
         spec.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(certificate, signer, NID_subject_key_identifier, "hash");
  if (const std::string names = alternative_names(spec); !names.empty())
    extend(certificate, signer, NID_subject_alt_name, names);
  if (!spec.extended_usage.empty() && !spec.authority)
    extend(certificate, signer, NID_ext_key_usage, spec.extended_usage);
  X509_sign(certificate, issuer ? issuer->parts->key : key, spec.sha1 ? EVP_sha1() : EVP_sha256());
  Certificate made;
  made.pem = pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  made.key = pem_of(
      [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
  made.chain = made.pem;
  // The root itself is known or it is not: servers do not send it.
  const bool below_root = issuer && X509_self_signed(issuer->parts->certificate, 0) != 1;
  if (below_root) made.chain += issuer->chain;
  made.parts = std::make_shared<const Certificate::Parts>(certificate, key);
  return made;
}

x509_st* certificate_of(const Certificate& certificate) { return certificate.parts->certificate; }
evp_pkey_st* key_of(const Certificate& certificate) { return certificate.parts->key; }

Certificate make_authority(const std::string& common_name) {
  CertificateSpec spec;
  spec.common_name = common_name;
  spec.names.clear();
  spec.authority = true;
  return make_certificate(spec);
}

}  // namespace callerapi::support
