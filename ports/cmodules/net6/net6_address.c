// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Kinds of addresses (RFC 4291), and the order in which net6.addresses() tells ours.

#include <string.h>

#include "net6/net6_core.h"

/// fe80::/10, and multicast of interface-local and link-local scope (RFC 4291 sections 2.5.6, 2.7).
bool net6_is_scoped(const uint8_t address[16]) {
    if (address[0] == 0xff) {
        return (address[1] & 0x0f) == 1 || (address[1] & 0x0f) == 2;
    }
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

bool net6_is_v4_mapped(const uint8_t address[16]) {
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

bool net6_is_loopback(const uint8_t address[16]) {
    static const uint8_t loopback[16] = { [15] = 1 };
    return memcmp(address, loopback, sizeof(loopback)) == 0;
}

bool net6_is_unspecified(const uint8_t address[16]) {
    static const uint8_t unspecified[16];
    return memcmp(address, unspecified, sizeof(unspecified)) == 0;
}

/// What sorts net6.addresses(): a phone is called at its address, so temporary ones come later.
static int rank(const struct net6_address *address) {
    int rank = address->temporary ? 1 : 0;
    rank += address->state == NET6_PREFERRED ? 0 : address->state == NET6_DEPRECATED ? 2 : 4;
    if (net6_is_loopback(address->address)) {
        return rank + 16;
    }
    return rank + (net6_is_scoped(address->address) ? 8 : 0);
}

size_t net6_insert(
    struct net6_address *list, size_t count, size_t max, const struct net6_address *address) {
    int mine = rank(address);
    size_t at = count;
    while (at > 0 && rank(&list[at - 1]) > mine) {
        --at;
    }
    if (at >= max) {
        return count;
    }
    size_t moved = (count < max ? count : max - 1) - at;
    memmove(&list[at + 1], &list[at], moved * sizeof(*list));
    list[at] = *address;
    return count < max ? count + 1 : max;
}
