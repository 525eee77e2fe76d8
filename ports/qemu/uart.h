// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_UART_H
#define VOX6_UART_H

#include <stddef.h>
#include <stdint.h>

enum { UART_CONSOLE = 0, UART_PANEL = 1, UART_COUNT = 2 };

void uart_init(void);

// Octets waiting to be read.
size_t uart_available(int uart);
// Reads up to length octets; returns how many.
size_t uart_read(int uart, uint8_t *buffer, size_t length);
// Free octets of the sending ring.
size_t uart_room(int uart);
// Puts what fits into the sending ring; returns how many octets.
size_t uart_write(int uart, const uint8_t *buffer, size_t length);

// For faults: straight to the console's register, no ring, no interrupt.
void uart_panic(const char *text);
void uart_panic_hex(uint32_t value);

#endif
