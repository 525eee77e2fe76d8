// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// All that libsrtp wants of <netinet/in.h>, for boards that have none.

#ifndef VOX6_SRTP_NETINET_IN_H
#define VOX6_SRTP_NETINET_IN_H

#include <stdint.h>

static inline uint32_t vox6_swap32(uint32_t value) {
    return __builtin_bswap32(value);
}

static inline uint16_t vox6_swap16(uint16_t value) {
    return __builtin_bswap16(value);
}

#define htonl(value) vox6_swap32(value)
#define ntohl(value) vox6_swap32(value)
#define htons(value) vox6_swap16(value)
#define ntohs(value) vox6_swap16(value)

#endif
