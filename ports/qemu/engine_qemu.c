// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The engine context on the emulated board: PendSV at the lowest priority, asked for by the Ethernet
// interrupt and by the millisecond tick. In this order: NIC drain, lwIP input and timers, then at most
// one media tick; if another one is already due PendSV asks for itself again.

#include "engine/engine.h"

#include "audio_qemu.h"
#include "board.h"
#include "lan9118.h"
#include "mps2.h"
#include "net6/net6_lwip.h"
#include "net6/net6_nic.h"
#include "tunnel6/tunnel6_netif.h"

static volatile uint32_t events; // interrupts so far: what board_wait_for_event() compares
static uint32_t enter_depth;
static bool started;
static uint32_t entered_at; // timer 0 at the outermost engine_enter()
static uint32_t worst_held; // cycles

// Time: timer 0 counts down over all 32 bits (a turn lasts 171 s) and is read at least once a
// millisecond, so that a tick interrupt that the host delayed loses nothing.
static uint32_t time_last;
static uint32_t time_cycles; // less than a microsecond's
static uint64_t time_us;

uint64_t engine_time_us(void) {
    uint32_t state = irq_save();
    uint32_t now = ~TIMER0_VALUE;
    uint32_t cycles = time_cycles + (now - time_last);
    time_last = now;
    time_us += cycles / (SYSTEM_CLOCK / 1000000);
    time_cycles = cycles % (SYSTEM_CLOCK / 1000000);
    uint64_t result = time_us;
    irq_restore(state);
    return result;
}

void engine_qemu_init(void) {
    TIMER0_RELOAD = 0xFFFFFFFF;
    TIMER0_VALUE = 0xFFFFFFFF;
    TIMER0_CTRL = TIMER_CTRL_ENABLE;
    time_last = ~TIMER0_VALUE;
    SYST_RVR = SYSTEM_CLOCK / 1000 - 1;
    SYST_CVR = 0;
    SYST_CSR = 7; // processor clock, interrupt, enable
}

void engine_enter(void) {
    // First the mask, then the count: PendSV never sees a count above zero.
    __asm volatile("msr basepri, %0\n isb" : : "r"(PRIORITY_PENDSV) : "memory");
    if (enter_depth++ == 0) {
        entered_at = TIMER0_VALUE;
    }
}

void engine_exit(void) {
    if (--enter_depth == 0) {
        uint32_t held = entered_at - TIMER0_VALUE;
        if (held > worst_held) {
            worst_held = held;
        }
        // What became pending meanwhile runs at once.
        __asm volatile("msr basepri, %0\n isb" : : "r"(0) : "memory");
    }
}

int engine_start(void) {
    if (!started) {
        started = true;
        engine_enter();
        int result = net6_nic_start(lan9118_netif_init, lan9118_drain);
        engine_exit();
        if (result < 0) {
            started = false;
            return result;
        }
    }
    return 0;
}

uint32_t engine_qemu_worst_held_us(bool reset) {
    uint32_t result = worst_held / (SYSTEM_CLOCK / 1000000);
    if (reset) {
        worst_held = 0;
    }
    return result;
}

void systick_handler(void) {
    events++;
    engine_time_us();
    board_console_tick();
    SCB_ICSR = SCB_ICSR_PENDSVSET;
}

void ethernet_handler(void) {
    events++;
    lan9118_interrupt_off();
    SCB_ICSR = SCB_ICSR_PENDSVSET;
}

void net6_lwip_wake(void) {
    SCB_ICSR = SCB_ICSR_PENDSVSET;
}

int tunnel6_port_run(bool up) {
    (void)up; // lwIP's clock runs always
    return 0;
}

void engine_qemu_event(void) {
    events++;
}

void pendsv_handler(void) {
    if (started) {
        net6_nic_poll();
    }
    if (audio_qemu_tick()) {
        SCB_ICSR = SCB_ICSR_PENDSVSET;
    }
    events++;
}

void board_wait_for_event(void) {
    static uint32_t seen;
    uint32_t state = irq_save();
    if (events == seen) {
        __asm volatile("dsb\n wfi" : : : "memory");
    }
    seen = events;
    irq_restore(state);
}

int engine_signal_init(engine_signal *signal) {
    signal->raised = 0;
    signal->fd = -1;
    return 0;
}

void engine_signal_raise(engine_signal *signal) {
    signal->raised = 1;
}

void engine_signal_clear(engine_signal *signal) {
    signal->raised = 0;
}

void engine_signal_deinit(engine_signal *signal) {
    signal->raised = 0;
}
