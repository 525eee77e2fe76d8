// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Console and interrupts for MicroPython's core. The console is the pty of a phone, or
// standard input and output of a script.

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "mbedtls/vox6_tls.h"
#include "port_unix.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"

#if MICROPY_ASYNC_KBD_INTR
#error "a jump out of a signal handler would leave the engine's mutex locked"
#endif

/// SIGINT. From the engine (pthread_kill) it is Ctrl-C on the console; from outside it means to a
/// phone that it shall stop.
static void on_sigint(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    if (phone_form && info->si_code != SI_TKILL) {
        console_stop();
    } else {
        mp_sched_keyboard_interrupt();
    }
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = { .sa_flags = SA_SIGINFO, .sa_sigaction = handler };
    if (handler == NULL) {
        action.sa_flags = 0;
        action.sa_handler = SIG_DFL;
    }
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void on_sigterm(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    (void)context;
    console_stop();
}

void interrupt_vm_init(void) {
    signal(SIGPIPE, SIG_IGN);
    if (phone_form) {
        handle(SIGINT, on_sigint);
        handle(SIGTERM, on_sigterm);
        handle(SIGHUP, on_sigterm);
    }
}

void mp_hal_set_interrupt_char(char c) {
    if (phone_form) {
        console_set_interrupt_char(c == (char)-1 ? -1 : c);
    } else {
        handle(SIGINT, c == CHAR_CTRL_C ? on_sigint : NULL);
    }
}

int mp_hal_stdin_rx_chr(void) {
    if (console_is_open()) {
        return console_read();
    }
    unsigned char c;
    ssize_t result;
    MP_HAL_RETRY_SYSCALL(result, read(STDIN_FILENO, &c, 1), {});
    if (result <= 0) {
        return 4; // end of input, as Ctrl-D
    }
    return c == '\n' ? '\r' : c;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    return flags & (MP_STREAM_POLL_WR | (console_readable() ? MP_STREAM_POLL_RD : 0));
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    if (console_is_open()) {
        console_write(text, length, false);
        return length;
    }
    return mp_hal_write_all(STDOUT_FILENO, text, length);
}

void mp_hal_stdout_tx_strn_cooked(const char *text, size_t length) {
    if (console_is_open()) {
        console_write(text, length, true);
    } else {
        mp_hal_write_all(STDOUT_FILENO, text, length);
    }
}

void mp_hal_stdout_tx_str(const char *text) {
    mp_hal_stdout_tx_strn(text, strlen(text));
}

static void stderr_print(void *env, const char *text, size_t length) {
    (void)env;
    if (console_is_open()) {
        console_write(text, length, true);
    } else {
        mp_hal_write_all(STDERR_FILENO, text, length);
    }
}

const mp_print_t mp_stderr_print = { NULL, stderr_print };

void mp_hal_delay_ms(mp_uint_t ms) {
    mp_uint_t start = mp_hal_ticks_ms();
    while (mp_hal_ticks_ms() - start < ms) {
        mp_event_wait_ms(1);
    }
}

int vox6_rename(const char *root, size_t root_length, const char *from, const char *to);

/// For posix_rename.h, which cannot be included here: it renames rename().
int vox6_rename(const char *root, size_t root_length, const char *from, const char *to) {
    const char *names[2] = { from, to };
    char paths[2][PATH_MAX];
    for (size_t i = 0; i < 2; ++i) {
        size_t prefix = root_length > 0 && names[i][0] == '/' ? root_length - 1 : 0;
        size_t length = strlen(names[i]);
        if (prefix + length >= PATH_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(paths[i], root, prefix);
        memcpy(paths[i] + prefix, names[i], length + 1);
    }
    return rename(paths[0], paths[1]);
}

bool vox6_tls_knows_time(void) {
    return true;
}

void mp_hal_get_random(size_t length, void *buffer) {
    if (vox6_entropy(buffer, length) < 0) {
        mp_raise_OSError(MP_EIO);
    }
}
