// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// One piece of memory for all big numbers of one operation, where mbedTLS lets its allocator be
// replaced (boards). X25519 asks 10,000 times for a few words; the Python heap of a phone in a call
// takes as long to find them as the multiplications take. Freed pieces wait in a list of their size:
// big numbers come in few sizes. Elsewhere these functions do nothing.
// For the VM's context alone, and not nested.

#include "crypto/arena.h"

#include <stdint.h>
#include <string.h>

#include "mbedtls/build_info.h"
#include "mbedtls/platform.h"
#include "mbedtls/platform_util.h"

#if defined(MBEDTLS_PLATFORM_MEMORY)

#define GRAIN (16)
#define CLASSES \
    (32) // pieces of up to 512 octets are kept in lists, longer ones are not used again

struct piece {
    struct piece *next; // in use: NULL
    uint32_t octets; // without this header
};

static uint8_t *base;
static size_t size, used;
static struct piece *lists[CLASSES + 1];

static void *arena_calloc(size_t count, size_t each) {
    if (each != 0 && count > size / each) {
        return NULL;
    }
    size_t octets = (count * each + GRAIN - 1) & ~(size_t)(GRAIN - 1);
    struct piece *piece = octets <= CLASSES * GRAIN ? lists[octets / GRAIN] : NULL;
    if (piece != NULL) {
        lists[octets / GRAIN] = piece->next;
    } else {
        if (octets + sizeof(*piece) > size - used) {
            return NULL;
        }
        piece = (struct piece *)(base + used);
        piece->octets = (uint32_t)octets;
        used += sizeof(*piece) + octets;
    }
    piece->next = NULL;
    return memset(piece + 1, 0, octets);
}

static void arena_free(void *memory) {
    if (memory == NULL) {
        return;
    }
    struct piece *piece = (struct piece *)memory - 1;
    if (piece->octets <= CLASSES * GRAIN) {
        piece->next = lists[piece->octets / GRAIN];
        lists[piece->octets / GRAIN] = piece;
    }
}

// Let mbedTLS take its memory from one piece of `octets` until arena_end(), and only there. 0, or -1:
// there is no such piece, and nothing has changed.
int arena_begin(size_t octets) {
    base = mbedtls_calloc(1, octets);
    if (base == NULL) {
        return -1;
    }
    size = octets;
    used = 0;
    memset(lists, 0, sizeof(lists));
    mbedtls_platform_set_calloc_free(arena_calloc, arena_free);
    return 0;
}

// Give the memory back, overwritten. All that mbedTLS took of it is freed already.
void arena_end(void) {
    mbedtls_platform_set_calloc_free(MBEDTLS_PLATFORM_STD_CALLOC, MBEDTLS_PLATFORM_STD_FREE);
    mbedtls_platform_zeroize(base, used);
    mbedtls_free(base);
    base = NULL;
}

#else

int arena_begin(size_t octets) {
    (void)octets;
    return 0;
}

void arena_end(void) {
}

#endif
