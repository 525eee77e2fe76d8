// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Clocks and standard output for MicroPython's core.

#include "py/mphal.h"

#include <string.h>
#include <time.h>

#include "py/mpprint.h"
#include "py/runtime.h"

static mp_uint_t write_all(int fd, const char *text, size_t length) {
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

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    return write_all(STDOUT_FILENO, text, length);
}

void mp_hal_stdout_tx_strn_cooked(const char *text, size_t length) {
    write_all(STDOUT_FILENO, text, length);
}

void mp_hal_stdout_tx_str(const char *text) {
    write_all(STDOUT_FILENO, text, strlen(text));
}

static void stderr_print(void *env, const char *text, size_t length) {
    (void)env;
    write_all(STDERR_FILENO, text, length);
}

const mp_print_t mp_stderr_print = { NULL, stderr_print };

mp_uint_t mp_hal_ticks_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (mp_uint_t)now.tv_sec * 1000000 + (mp_uint_t)now.tv_nsec / 1000;
}

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

void mp_hal_delay_ms(mp_uint_t ms) {
    usleep((useconds_t)ms * 1000);
}
