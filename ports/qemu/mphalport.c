// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What MicroPython asks of the machine: console, delays, time of day.

#include "py/mphal.h"

#include "board.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "uart.h"
#include "window.h"

// A console that nobody reads must not stop the phone: after this the text is lost.
#define CONSOLE_PATIENCE_MS (500)

uintptr_t mp_hal_stdio_poll(uintptr_t poll_flags) {
    uintptr_t result = 0;
    if ((poll_flags & MP_STREAM_POLL_RD) && uart_available(UART_CONSOLE)) {
        result |= MP_STREAM_POLL_RD;
    }
    if ((poll_flags & MP_STREAM_POLL_WR) && uart_room(UART_CONSOLE)) {
        result |= MP_STREAM_POLL_WR;
    }
    return result;
}

int mp_hal_stdin_rx_chr(void) {
    for (;;) {
        uint8_t octet;
        if (uart_read(UART_CONSOLE, &octet, 1)) {
            return octet;
        }
        mp_event_wait_indefinite();
    }
}

mp_uint_t mp_hal_stdout_tx_strn(const char *str, size_t len) {
    size_t sent = 0;
    uint64_t last_us = engine_time_us();
    while (sent < len) {
        size_t count = uart_write(UART_CONSOLE, (const uint8_t *)str + sent, len - sent);
        sent += count;
        if (count) {
            last_us = engine_time_us();
        } else if (engine_time_us() - last_us > CONSOLE_PATIENCE_MS * 1000) {
            break;
        } else {
            board_wait_for_event();
        }
    }
    return sent;
}

void mp_hal_delay_us(mp_uint_t us) {
    uint64_t until = engine_time_us() + us;
    while (engine_time_us() < until) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t until = engine_time_us() + (uint64_t)ms * 1000;
    for (;;) {
        uint64_t now = engine_time_us();
        if (now >= until) {
            break;
        }
        mp_event_handle_nowait();
        if (until - now > 1000) {
            board_wait_for_event();
        }
    }
}

uint64_t mp_hal_time_ns(void) {
    uint64_t utc = window_utc();
    return utc ? utc * 1000000000ull : engine_time_us() * 1000ull;
}
