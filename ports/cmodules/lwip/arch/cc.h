// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The compiler as lwIP sees it (gcc and clang, little endian). No py/*.h: lwIP belongs to the engine.

#ifndef VOX6_LWIP_ARCH_CC_H
#define VOX6_LWIP_ARCH_CC_H

#include <stdint.h>

// 32 bits that are hard to guess; each port implements it (either context).
uint32_t vox6_random32(void);

#define LWIP_RAND() vox6_random32()
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(x) __builtin_trap()
#define LWIP_NOASSERT (1)
#define LWIP_NO_CTYPE_H (1)
#define LWIP_NO_UNISTD_H (1)

#define BYTE_ORDER LITTLE_ENDIAN
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)

#define PACK_STRUCT_STRUCT __attribute__((packed))

#endif
