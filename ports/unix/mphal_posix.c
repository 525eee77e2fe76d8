// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Clocks and writing for MicroPython's core on any POSIX system: ports/router has them from here.

#include "py/mphal.h"

#include <time.h>

#include "py/runtime.h"

/// Write all octets to a descriptor; return how many it took before it failed.
mp_uint_t mp_hal_write_all(int fd, const char *text, size_t length) {
    size_t done = 0;
    while (done < length) {
        ssize_t result;
        MP_HAL_RETRY_SYSCALL(result, write(fd, text + done, length - done), {});
        if (result <= 0) {
            break;
        }
        done += (size_t)result;
    }
    return done;
}

mp_uint_t mp_hal_ticks_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (mp_uint_t)now.tv_sec * 1000000 + (mp_uint_t)now.tv_nsec / 1000;
}

/// Not a quotient of the above, which wraps too early where a word has 32 bits.
mp_uint_t mp_hal_ticks_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (mp_uint_t)now.tv_sec * 1000 + (mp_uint_t)now.tv_nsec / 1000000;
}

uint64_t mp_hal_time_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
