// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_MPHALPORT_H
#define VOX6_MPHALPORT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "shared/runtime/interrupt_char.h"

#define mp_hal_quiet_timing_enter() (0)
#define mp_hal_quiet_timing_exit(state) (void)(state)

static inline mp_uint_t mp_hal_ticks_ms(void) {
    return (mp_uint_t)(engine_time_us() / 1000);
}

static inline mp_uint_t mp_hal_ticks_us(void) {
    return (mp_uint_t)engine_time_us();
}

static inline mp_uint_t mp_hal_ticks_cpu(void) {
    return (mp_uint_t)engine_time_us();
}

#define mp_hal_ticks_ms mp_hal_ticks_ms
#define mp_hal_ticks_us mp_hal_ticks_us
#define mp_hal_ticks_cpu mp_hal_ticks_cpu

#endif
