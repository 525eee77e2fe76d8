// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What MicroPython's module tls leaves open, put between it and mbedTLS by the linker (--wrap, in
// cmodules.mk): short records are asked for, a phone that does not know the time of day cannot hold a
// certificate's dates against it, and who looks at certificates may judge their names.

#include "mbedtls/vox6_tls.h"

#include "mbedtls/ssl.h"

typedef int (*verifier)(void *, mbedtls_x509_crt *, int, uint32_t *);

int __real_mbedtls_ssl_config_defaults(
    mbedtls_ssl_config *conf, int endpoint, int transport, int preset);
int __wrap_mbedtls_ssl_config_defaults(
    mbedtls_ssl_config *conf, int endpoint, int transport, int preset);
void __real_mbedtls_ssl_conf_verify(mbedtls_ssl_config *conf, verifier function, void *arg);
void __wrap_mbedtls_ssl_conf_verify(mbedtls_ssl_config *conf, verifier function, void *arg);

/// A client asks for records of 4,096 octets at most (RFC 6066 section 4), as our buffer is small; what
/// a server that does not know this sends may still have 8,192.
int __wrap_mbedtls_ssl_config_defaults(
    mbedtls_ssl_config *conf, int endpoint, int transport, int preset) {
    int result = __real_mbedtls_ssl_config_defaults(conf, endpoint, transport, preset);
    if (result == 0 && endpoint == MBEDTLS_SSL_IS_CLIENT) {
        result = mbedtls_ssl_conf_max_frag_len(conf, MBEDTLS_SSL_MAX_FRAG_LEN_4096);
    }
    return result;
}

static verifier module_verifier; // the module has one function for all its contexts

static int verify(void *arg, mbedtls_x509_crt *certificate, int depth, uint32_t *flags) {
    if (!vox6_tls_knows_time()) {
        *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    }
    int result = module_verifier(arg, certificate, depth, flags);
    if (result == VOX6_TLS_NAME_FITS) {
        // mbedTLS knows no domains in SIP URIs (RFC 5922 section 7.1).
        *flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
        result = 0;
    }
    return result;
}

void __wrap_mbedtls_ssl_conf_verify(mbedtls_ssl_config *conf, verifier function, void *arg) {
    module_verifier = function;
    __real_mbedtls_ssl_conf_verify(conf, verify, arg);
}
