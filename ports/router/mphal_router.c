// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Standard output and waiting for MicroPython's core.

#include "py/mphal.h"

#include <string.h>

#include "py/mpprint.h"
#include "py/runtime.h"

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    return mp_hal_write_all(STDOUT_FILENO, text, length);
}

void mp_hal_stdout_tx_strn_cooked(const char *text, size_t length) {
    mp_hal_write_all(STDOUT_FILENO, text, length);
}

void mp_hal_stdout_tx_str(const char *text) {
    mp_hal_write_all(STDOUT_FILENO, text, strlen(text));
}

static void stderr_print(void *env, const char *text, size_t length) {
    (void)env;
    mp_hal_write_all(STDERR_FILENO, text, length);
}

const mp_print_t mp_stderr_print = { NULL, stderr_print };

void mp_hal_delay_ms(mp_uint_t ms) {
    usleep((useconds_t)ms * 1000);
}
