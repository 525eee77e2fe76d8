// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What the files of this port share about the machine.

#ifndef VOX6_BOARD_H
#define VOX6_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "window.h"

// Octets of the stack that were ever used (the interrupts' part included).
size_t board_stack_used(void);

// At boot: counts it and learns why; takes 64 octets of entropy, or stops with a message.
void board_note_boot(void);
void board_seed(void);

// Resets the machine, keeping the cause for the next boot.
__attribute__((noreturn)) void board_reset(enum reset_cause cause);

// Prints one line on the console and stops for ever.
__attribute__((noreturn)) void board_halt(const char *text);

// Starts or changes the watchdog (0 is refused), and feeds it.
void board_watchdog(uint32_t timeout_ms);
void board_feed(void);

// Entropy for every user in C: the cryptographic generator, TLS, the network. 0 or a negative errno.
int vox6_entropy(uint8_t *buffer, size_t length);

// 32 bits that the network needs to be hard to guess (identifications, initial sequence numbers).
uint32_t vox6_random32(void);

// Ctrl-C while the phone runs is a request first (see uart.c).
extern engine_signal board_console_request;
void board_attend(bool attending);

// Called each millisecond from the tick interrupt.
void board_console_tick(void);

// Puts the processor to sleep until the next interrupt, unless one came since the last call.
void board_wait_for_event(void);

#endif
