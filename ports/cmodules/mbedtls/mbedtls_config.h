// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// MBEDTLS_CONFIG_FILE is "cmodules/mbedtls/mbedtls_config.h" (mbedTLS has a file of this name itself).
//
// mbedTLS 3.6.6 for all ports: MicroPython's common configuration and what a phone needs besides.
// A board without an operating system defines VOX6_MBEDTLS_BARE_METAL and implements
// vox6_tls_time(), mbedtls_ms_time() and mbedtls_platform_gmtime_r(); every port implements vox6_entropy().

#ifndef VOX6_MBEDTLS_CONFIG_H
#define VOX6_MBEDTLS_CONFIG_H

#define MBEDTLS_HAVE_ASM
#define MBEDTLS_ECP_NIST_OPTIM // a TLS handshake in a sixth of the time (specs/qemu.md section 3)
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED // X25519: TLS, ZRTP
#define MBEDTLS_CIPHER_MODE_CTR // SRTP, _crypto
#define MBEDTLS_CIPHER_MODE_CFB // ZRTP

#if VOX6_MBEDTLS_BARE_METAL
#include <stdint.h>
#include <time.h>
time_t vox6_tls_time(time_t *timer);
#define MBEDTLS_PLATFORM_TIME_MACRO vox6_tls_time
#define MBEDTLS_PLATFORM_MS_TIME_ALT
#define MBEDTLS_PLATFORM_GMTIME_R_ALT
#define MICROPY_MBEDTLS_CONFIG_BARE_METAL (1)
#endif

#include "extmod/mbedtls/mbedtls_config_common.h"

// A connection of TLS: two buffers. A SIP message and a chain of certificates fit into the first.
#undef MBEDTLS_SSL_IN_CONTENT_LEN
#define MBEDTLS_SSL_IN_CONTENT_LEN (8192)
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH // vox6_tls.c

// A set of CAs comes as PEM.
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C

// Nobody uses these.
#undef MBEDTLS_SSL_PROTO_DTLS
#undef MBEDTLS_ECP_DP_SECP192R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP192K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP256K1_ENABLED

#endif
