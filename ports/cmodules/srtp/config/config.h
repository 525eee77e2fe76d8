// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What libsrtp's configure script would have found: a C99 compiler, a 32-bit little-endian core
// that is better at words than at octets, no OpenSSL, no operating system. The same for every port.

#ifndef VOX6_SRTP_CONFIG_H
#define VOX6_SRTP_CONFIG_H

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "define WORDS_BIGENDIAN for this core"
#endif

#define CPU_RISC 1 // AES by tables of words (5 kB)
#define HAVE_NETINET_IN_H 1 // ours, beside this file
#define HAVE_INTTYPES_H 1
#define HAVE_STDINT_H 1
#define HAVE_STDLIB_H 1
#define HAVE_INT16_T 1
#define HAVE_INT32_T 1
#define HAVE_INT8_T 1
#define HAVE_UINT16_T 1
#define HAVE_UINT32_T 1
#define HAVE_UINT64_T 1
#define HAVE_UINT8_T 1
#define PACKAGE_STRING "libsrtp2 2.7.0"
#define PACKAGE_VERSION "2.7.0"

#define SRTP_NO_STREAM_LIST 1 // ours is srtp_sources.c

#endif
