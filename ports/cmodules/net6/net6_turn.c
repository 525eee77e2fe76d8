// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// lwIP's clock: its cyclic timers (LWIP_TIMERS_CUSTOM), and packets to ourselves.

#include <errno.h>

#include "engine/engine.h"
#include "lwip/init.h"
#include "lwip/nd6.h"
#include "lwip/netif.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "net6/net6_lwip.h"
#if VOX6_LWIP_NIC
#include "net6/net6_nic.h"
#endif

#define TIMERS (12) // room for lwip_cyclic_timers; checked at start

static bool started;
static uint32_t timer_due_ms[TIMERS];

u32_t sys_now(void) {
    return (u32_t)(engine_time_us() / 1000);
}

void sys_timeouts_init(void) {
    // lwip_init() calls it; the cyclic timers start in net6_lwip_start().
}

int net6_lwip_start(void) {
    if (started) {
        return 0;
    }
    if (lwip_num_cyclic_timers > TIMERS) {
        return -E2BIG;
    }
    lwip_init();
    uint32_t now = sys_now();
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        timer_due_ms[i] = now + lwip_cyclic_timers[i].interval_ms;
    }
    started = true;
    return 0;
}

#if VOX6_LWIP_NIC
void net6_turn_restart_nd6(void) {
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        if (lwip_cyclic_timers[i].handler == nd6_tmr) {
            timer_due_ms[i] = sys_now() + ND6_TMR_INTERVAL;
        }
    }
}
#endif

void net6_lwip_turn(void) {
    netif_poll_all();
    uint32_t now = sys_now();
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        if ((int32_t)(now - timer_due_ms[i]) >= 0) {
            timer_due_ms[i] += lwip_cyclic_timers[i].interval_ms;
            if ((int32_t)(now - timer_due_ms[i]) >= 0) {
                timer_due_ms[i] = now + lwip_cyclic_timers[i].interval_ms; // a stalled host
            }
            lwip_cyclic_timers[i].handler();
        }
    }
}
