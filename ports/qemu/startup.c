// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Vector table, reset and faults of the Cortex-M7.

#include <stdint.h>
#include <string.h>

#include "board.h"
#include "mps2.h"
#include "uart.h"
#include "window.h"

extern uint32_t _estack, _sidata, _sdata, _edata, _sbss, _ebss;

int main(void);
void systick_handler(void);
void pendsv_handler(void);
void uart0_handler(void);
void uart1_handler(void);
void ethernet_handler(void);

// The stack is filled with this, so that board_stack_used() can see how deep it ever went.
#define STACK_FILL (0x5A5A5A5A)

__attribute__((naked, noreturn)) static void reset_handler(void) {
    __asm volatile("ldr r0, =_sstack\n"
                   "ldr r1, =_estack\n"
                   "ldr r2, =0x5A5A5A5A\n"
                   "1: cmp r0, r1\n"
                   "it lo\n"
                   "strlo r2, [r0], #4\n"
                   "blo 1b\n"
                   "ldr sp, =_estack\n"
                   "b reset_in_c\n");
}

__attribute__((used, noreturn)) static void reset_in_c(void) {
    memcpy(&_sdata, &_sidata, (char *)&_edata - (char *)&_sdata);
    memset(&_sbss, 0, (char *)&_ebss - (char *)&_sbss);
    SCB_VTOR = 0;
    SCB_CPACR |= 0xFu << 20; // the FPU, before the first float
    __asm volatile("dsb\n isb");
    SCB_SHPR[14 - 4] = PRIORITY_PENDSV;
    SCB_SHPR[15 - 4] = PRIORITY_DEVICE; // SysTick
    main();
    for (;;) {
    }
}

size_t board_stack_used(void) {
    extern uint32_t _sstack;
    const uint32_t *p = &_sstack;
    while (p < &_estack && *p == STACK_FILL) {
        p++;
    }
    return (const char *)&_estack - (const char *)p;
}

// Any fault: say where on the console, then reset (the cause is kept over the reset).
__attribute__((used, noreturn)) static void fault_in_c(const uint32_t *frame, uint32_t exception) {
    uart_panic("\r\nvox6: fault ");
    uart_panic_hex(exception);
    uart_panic(" pc ");
    uart_panic_hex(frame[6]);
    uart_panic(" lr ");
    uart_panic_hex(frame[5]);
    uart_panic(" cfsr ");
    uart_panic_hex(REG(0xE000ED28));
    uart_panic(" address ");
    uart_panic_hex(REG(0xE000ED38));
    uart_panic("\r\n");
    board_reset(RESET_CAUSE_FAULT);
}

__attribute__((naked)) static void fault_handler(void) {
    __asm volatile("mrs r0, msp\n"
                   "mrs r1, ipsr\n"
                   "b fault_in_c\n");
}

// The watchdog's first timeout. Its second one would reset the board; the cause is noted here.
__attribute__((noreturn)) static void nmi_handler(void) {
    uart_panic("\r\nvox6: watchdog\r\n");
    board_reset(RESET_CAUSE_WATCHDOG);
}

__attribute__((section(".isr_vector"), used)) void (*const isr_vector[16 + 32])(void) = {
    (void (*)(void))&_estack,
    reset_handler,
    nmi_handler,
    fault_handler, // HardFault
    fault_handler, // MemManage
    fault_handler, // BusFault
    fault_handler, // UsageFault
    fault_handler,
    fault_handler,
    fault_handler,
    fault_handler,
    fault_handler, // SVCall
    fault_handler, // DebugMon
    fault_handler,
    pendsv_handler,
    systick_handler,
    [16 + IRQ_UART0_RX] = uart0_handler,
    [16 + IRQ_UART0_TX] = uart0_handler,
    [16 + IRQ_UART1_RX] = uart1_handler,
    [16 + IRQ_UART1_TX] = uart1_handler,
    [16 + IRQ_ETHERNET] = ethernet_handler,
};
