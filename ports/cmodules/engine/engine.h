// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The two contexts of a vox6 phone: the VM, and the engine that carries packets and sound beside it.
// Every port implements this header once (ports/<port>/engine_<port>.c).

#ifndef VOX6_ENGINE_H
#define VOX6_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Exclusion between the contexts: PendSV masked on a board, one mutex on unix. May be nested; held
// at most 200 us. Between the two the VM may touch what the engine owns.
void engine_enter(void);
void engine_exit(void);

// Starts the engine (idempotent; called by the first open of an endpoint or of the audio device).
// Returns 0 or a negative errno.
int engine_start(void);

// Microseconds since start, monotonic, never wrapping in a phone's life.
uint64_t engine_time_us(void);

// A level that the engine raises and the VM polls. On unix fd is an eventfd that poll(2) sees,
// so that a waiting VM wakes; on a board fd is -1 and the interrupt's end wakes the VM from WFI.
typedef struct engine_signal {
    volatile uint32_t raised;
    int fd;
} engine_signal;

int engine_signal_init(engine_signal *signal);
void engine_signal_raise(engine_signal *signal);
void engine_signal_clear(engine_signal *signal);
void engine_signal_deinit(engine_signal *signal);

#endif
