// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// IPv6 addresses as text: RFC 4291 section 2.2 in, RFC 5952 out, RFC 4007 section 11 zones as %index.

#include <errno.h>
#include <string.h>

#include "net6/net6_core.h"

static char *put_number(char *to, unsigned value) {
    char digits[5];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count) {
        *to++ = digits[--count];
    }
    return to;
}

size_t net6_to_text(const uint8_t address[16], char text[NET6_TEXT_MAX]) {
    unsigned words[8];
    for (size_t i = 0; i < 8; ++i) {
        words[i] = (unsigned)(address[2 * i] << 8 | address[2 * i + 1]);
    }
    unsigned zone = 0;
    if (net6_is_scoped(address)) {
        zone = words[1];
        words[1] = 0;
    }
    size_t groups = net6_is_v4_mapped(address) ? 6 : 8; // RFC 5952 section 5
    // The longest run of at least two zero words, the first of equals (RFC 5952 section 4.2).
    size_t best = groups, best_length = 1;
    for (size_t i = 0; i < groups;) {
        size_t end = i;
        while (end < groups && words[end] == 0) {
            ++end;
        }
        if (end - i > best_length) {
            best = i;
            best_length = end - i;
        }
        i = end + 1;
    }
    char *to = text;
    for (size_t i = 0; i < groups;) {
        if (i == best) {
            *to++ = ':';
            i += best_length;
            if (i == groups) {
                *to++ = ':';
            }
            continue;
        }
        if (i > 0) {
            *to++ = ':';
        }
        bool leading = true;
        for (int shift = 12; shift >= 0; shift -= 4) {
            unsigned digit = words[i] >> shift & 0xf;
            if (digit || !leading || shift == 0) {
                *to++ = "0123456789abcdef"[digit];
                leading = false;
            }
        }
        ++i;
    }
    if (groups == 6) {
        for (size_t i = 12; i < 16; ++i) {
            *to++ = i == 12 ? ':' : '.';
            to = put_number(to, address[i]);
        }
    }
    if (zone) {
        *to++ = '%';
        to = put_number(to, zone);
    }
    *to = 0;
    return (size_t)(to - text);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Decimal number without sign or needless zero, at most max; moves *at. Negative if there is none.
static long take_number(const char **at, const char *end, long max) {
    const char *start = *at;
    long value = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        value = value * 10 + (**at - '0');
        if (value > max) {
            return -1;
        }
        ++*at;
    }
    if (*at == start || (*start == '0' && *at - start > 1)) {
        return -1;
    }
    return value;
}

int net6_from_text(const char *text, size_t length, uint8_t address[16]) {
    const char *at = text, *end = text + length;
    uint8_t octets[16];
    size_t count = 0; // octets written
    size_t gap = 17; // where "::" stands, in octets

    if (length >= 2 && at[0] == ':' && at[1] == ':') {
        gap = 0;
        at += 2;
    }
    while (at < end && *at != '%') {
        if (count == 16) {
            return -EINVAL;
        }
        const char *group = at;
        unsigned value = 0;
        while (at < end && at - group < 4 && hex_digit(*at) >= 0) {
            value = value << 4 | (unsigned)hex_digit(*at++);
        }
        if (at == group) {
            return -EINVAL;
        }
        if (at < end && *at == '.') { // the dotted tail
            if (count > 12) {
                return -EINVAL;
            }
            at = group;
            for (size_t i = 0; i < 4; ++i) {
                if (i > 0 && (at == end || *at++ != '.')) {
                    return -EINVAL;
                }
                long part = take_number(&at, end, 255);
                if (part < 0) {
                    return -EINVAL;
                }
                octets[count++] = (uint8_t)part;
            }
            break;
        }
        octets[count++] = (uint8_t)(value >> 8);
        octets[count++] = (uint8_t)value;
        if (at == end || *at == '%') {
            break;
        }
        if (*at++ != ':') {
            return -EINVAL;
        }
        if (at < end && *at == ':') {
            if (gap <= 16) {
                return -EINVAL;
            }
            gap = count;
            ++at;
        } else if (at == end || *at == '%') {
            return -EINVAL; // ends with a single colon
        }
    }
    if (gap <= 16 ? count > 14 : count != 16) {
        return -EINVAL;
    }
    memset(address, 0, 16);
    if (gap > 16) {
        gap = count;
    }
    memcpy(address, octets, gap);
    memcpy(address + 16 - (count - gap), octets + gap, count - gap);
    if (at < end) { // %index
        if (*at++ != '%' || !net6_is_scoped(address)) {
            return -EINVAL;
        }
        long zone = take_number(&at, end, 0xffff);
        if (zone < 0 || at != end) {
            return -EINVAL;
        }
        address[2] = (uint8_t)(zone >> 8);
        address[3] = (uint8_t)zone;
    }
    return 0;
}
