// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_ENGINE_QEMU_H
#define VOX6_ENGINE_QEMU_H

#include <stdbool.h>
#include <stdint.h>

// Starts the clock and the millisecond tick. Before anything that waits.
void engine_qemu_init(void);

// From a device interrupt: the VM has something new to look at.
void engine_qemu_event(void);

// Longest time that the VM ever held engine_enter(), in microseconds; begins anew when told so.
uint32_t engine_qemu_worst_held_us(bool reset);

#endif
