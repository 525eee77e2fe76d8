// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What MicroPython's core asks of this port and of ports/router. Names and macros are the core's.

#ifndef VOX6_MPHALPORT_H
#define VOX6_MPHALPORT_H

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#ifndef CHAR_CTRL_C
#define CHAR_CTRL_C (3)
#endif

#define MICROPY_INTERNAL_WFE(TIMEOUT_MS) usleep(500)

mp_uint_t mp_hal_write_all(int fd, const char *text, size_t length);
void mp_hal_set_interrupt_char(char c);
void mp_hal_get_random(size_t n, void *buf);

static inline void mp_hal_delay_us(mp_uint_t us) {
    usleep((useconds_t)us);
}
#define mp_hal_ticks_cpu() (0)

// A system call again after EINTR (PEP 475), with the pending exception first if there is one.
#define MP_HAL_RETRY_SYSCALL(result, call, on_error) \
    for (;;) { \
        result = (call); \
        if (result != -1) { \
            break; \
        } \
        int err = errno; \
        if (err != EINTR) { \
            on_error; \
            break; \
        } \
        mp_handle_pending(true); \
    }

#define RAISE_ERRNO(result, error) \
    do { \
        if ((result) == -1) { \
            mp_raise_OSError(error); \
        } \
    } while (0)

#endif
