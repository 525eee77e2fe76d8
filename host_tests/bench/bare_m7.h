// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A program without an operating system on QEMU's Cortex-M7 (bare_m7.ld): start, two marks for the
// plugin marks.c, and an end. The program that includes this has run(); what it returns is QEMU's
// exit status.

#ifndef VOX6_BARE_M7_H
#define VOX6_BARE_M7_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern uint32_t _stack_top;
extern uint32_t _bss_start;
extern uint32_t _bss_end;

static void leave(int status);
static int run(void);

// Addresses that the plugin waits for.
__attribute__((noinline)) void mark_begin(void) {
    __asm volatile("" ::: "memory");
}

__attribute__((noinline)) void mark_end(void) {
    __asm volatile("" ::: "memory");
}

__attribute__((used)) static void start(void) {
    memset(&_bss_start, 0, (size_t)((uint8_t *)&_bss_end - (uint8_t *)&_bss_start));
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; // CPACR: the FPU
    __asm volatile("dsb\n isb");
    leave(run());
}

static void fault(void) {
    leave(2);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &_stack_top,
    start,
    fault,
    fault,
    fault,
    fault,
    fault,
};

// Semihosting SYS_EXIT_EXTENDED: ends QEMU.
static void leave(int status) {
    static uint32_t block[2];
    block[0] = 0x20026; // ADP_Stopped_ApplicationExit
    block[1] = (uint32_t)status;
    register uint32_t operation __asm("r0") = 0x20;
    register uint32_t *argument __asm("r1") = block;
    __asm volatile("bkpt 0xab" : : "r"(operation), "r"(argument) : "memory");
    for (;;) {
    }
}

#endif
