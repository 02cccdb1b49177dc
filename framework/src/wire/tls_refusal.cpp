#include "wire/tls_refusal.hpp"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <memory>
#include <utility>

#include "wire/socket.hpp"
#include "wire/syntax.hpp"
#include "wire/tls_context.hpp"

namespace callerapi::wire {
namespace {

constexpr int names_shown = 4;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string date_text(const ASN1_TIME* time) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  return bio && ASN1_TIME_print(bio.get(), time) == 1 ? text_of(bio.get()) : "an unreadable date";
}

std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "(no name)";
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  return printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                    static_cast<std::size_t>(ASN1_STRING_length(text))});
}

std::string address_text(std::string_view bytes) {
  char shown[INET6_ADDRSTRLEN] = {};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) return "(odd address)";
  return ::inet_ntop(family, bytes.data(), shown, sizeof shown) ? shown : "(odd address)";
}

/// The names a certificate is for, as far as they fit.
std::string names_of(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::string shown;
  int count = 0;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    if (++count > names_shown) return shown + ", ...";
    const ASN1_STRING* text = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const std::string_view bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                 static_cast<std::size_t>(ASN1_STRING_length(text)));
    if (!shown.empty()) shown += ", ";
    shown += name->type == GEN_DNS ? printable(bytes) : "address " + address_text(bytes);
  }
  if (!shown.empty()) return shown;
  return "no name at all (CN " + common_name(X509_get_subject_name(certificate)) +
         " does not count; it needs a subjectAltName)";
}

/// The complaint in words, while OpenSSL still holds the certificate.
std::string describe(int code, const X509* certificate) {
  if (!certificate) return "no certificate";
  const std::string subject = common_name(X509_get_subject_name(certificate));
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the certificate of " + subject + " expired on " +
             date_text(X509_get0_notAfter(certificate));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the certificate of " + subject + " is not valid before " +
             date_text(X509_get0_notBefore(certificate));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the certificate is for " + names_of(certificate);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "the certificate of " + subject + " is signed by itself";
    default:
      return "the certificate of " + subject + ", issued by " +
             common_name(X509_get_issuer_name(certificate)) + ": " +
             X509_verify_cert_error_string(code);
  }
}

const char* verify_reason(int code) noexcept {
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "not_yet_valid";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "self_signed";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "wrong_host";
    case X509_V_ERR_CERT_REVOKED:
      return "revoked";
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
      return "weak_key";
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return "weak_signature";
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_EXTENSION:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
      return "bad_usage";
    default:
      return "untrusted";
  }
}

std::string verify_text(const TlsContext& context, const TlsRefusal& refusal) {
  const std::string reason = verify_reason(refusal.verify_code);
  std::string text = context.where() + ": " + refusal.presented;
  const char* store = context.own_store() ? "tls.ca_file" : "the system's store";
  if (reason == "wrong_host") return text + "; wanted is " + context.name();
  if (reason == "self_signed") return text + " and is not in " + store;
  if (reason == "untrusted") return text + "; trusted is what " + store + " holds";
  return text;
}

/// Which function of OpenSSL put the newest entry of the queue there.
const char* complaining_function() noexcept {
  const char* function = nullptr;
  ERR_peek_last_error_all(nullptr, nullptr, &function, nullptr, nullptr);
  return function ? function : "";
}

/// TLS records begin with one of four types; anything else is another protocol.
bool foreign(std::string_view begin) noexcept {
  return !begin.empty() && (begin.front() < 0x14 || begin.front() > 0x17);
}

int verify_callback(int good, X509_STORE_CTX* store) noexcept {
  if (good == 1) return good;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* refusal = static_cast<TlsRefusal*>(SSL_get_app_data(ssl));
  if (refusal->verify_code != 0) return good;
  refusal->verify_code = X509_STORE_CTX_get_error(store);
  refusal->presented = describe(refusal->verify_code, X509_STORE_CTX_get_current_cert(store));
  return good;
}

/// Asked only when we have no certificate to show.
int certificate_callback(SSL* ssl, X509**, EVP_PKEY**) noexcept {
  static_cast<TlsRefusal*>(SSL_get_app_data(ssl))->asked_for_cert = true;
  return 0;
}

}  // namespace

void watch_refusals(SSL_CTX* context, bool verify) {
  SSL_CTX_set_client_cert_cb(context, certificate_callback);
  SSL_CTX_set_verify(context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     verify ? verify_callback : nullptr);
}

int peer_alert() noexcept {
  const auto code = ERR_peek_last_error();
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return -1;
  const int reason = ERR_GET_REASON(code);
  return reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256
             ? reason - SSL_AD_REASON_OFFSET
             : -1;
}

std::string queue_text() {
  const auto code = ERR_peek_last_error();
  if (const int alert = peer_alert(); alert >= 0)
    return "the server sent the alert '" + std::string(SSL_alert_desc_string_long(alert)) + "' (" +
           std::to_string(alert) + ")";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "the TLS connection broke";
}

std::string flood_text(std::size_t bytes) {
  return "the server sent " + std::to_string(bytes >> 10) +
         " KiB of TLS's own messages and no data; a service sends a few KiB of them";
}

std::string alert_reason(int alert, const TlsRefusal& refusal) {
  if (alert == SSL_AD_CERTIFICATE_REQUIRED) return "client_cert_required";
  // Before TLS 1.3 there was no alert of its own for that.
  if (alert == SSL_AD_HANDSHAKE_FAILURE && refusal.asked_for_cert && !refusal.showed_cert)
    return "client_cert_required";
  if (alert == SSL_AD_PROTOCOL_VERSION) return "version";
  if (alert == SSL_AD_NO_APPLICATION_PROTOCOL) return "alpn";
  return "alert_" + std::to_string(alert);
}

Error alpn_error(const TlsContext& context) {
  return {.outcome = Outcome::tls_error,
          .reason = "alpn",
          .message = context.where() +
                     ": the server chose another protocol than http/1.1, the only one offered",
          .phase = Phase::tls};
}

Error handshake_error(const TlsContext& context, const TlsRefusal& refusal) {
  const auto code = ERR_peek_last_error();
  const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  const auto error = [&](std::string why, std::string text) {
    return Error{.outcome = Outcome::tls_error,
                 .reason = std::move(why),
                 .message = context.where() + ": " + std::move(text),
                 .phase = Phase::tls};
  };
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && refusal.verify_code != 0)
    return {.outcome = Outcome::tls_verify_failed,
            .reason = verify_reason(refusal.verify_code),
            .message = verify_text(context, refusal),
            .phase = Phase::tls};
  if (foreign(refusal.first_bytes))
    return error("not_tls", "the server does not speak TLS: its answer begins with \"" +
                                printable(refusal.first_bytes) + "\"; is the port meant for http?");
  if (refusal.flood != 0) return error("flood", flood_text(refusal.flood));
  if (refusal.io_error != 0 || (refusal.ended && code == 0))
    return error("eof", std::string("the server ") +
                            (refusal.io_error != 0 ? "broke off" : "closed the connection") +
                            " in the middle of the TLS handshake");
  if (const int alert = peer_alert(); alert >= 0)
    return error(alert_reason(alert, refusal),
                 queue_text() + (refusal.asked_for_cert && !refusal.showed_cert
                                     ? "; it asks for a certificate: set tls.cert_file and "
                                       "tls.key_file"
                                     : ""));
  if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_WRONG_SSL_VERSION)
    return error("version", "the server speaks only an older TLS than tls.min_version");
  if (reason == SSL_R_BAD_EXTENSION &&
      std::string_view(complaining_function()) == "tls_parse_stoc_alpn")
    return alpn_error(context);
  return error("handshake", queue_text());
}

}  // namespace callerapi::wire
