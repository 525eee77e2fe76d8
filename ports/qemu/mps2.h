// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Registers of the MPS2 board with the AN500 image (Cortex-M7), as QEMU's mps2-an500 has them, and of
// the processor core. Only what this port uses.

#ifndef VOX6_MPS2_H
#define VOX6_MPS2_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

#define SYSTEM_CLOCK (25000000)

// Interrupt numbers.
#define IRQ_UART0_RX (0)
#define IRQ_UART0_TX (1)
#define IRQ_UART1_RX (2)
#define IRQ_UART1_TX (3)
#define IRQ_ETHERNET (13)

// CMSDK APB timer 0: counts down at SYSTEM_CLOCK.
#define TIMER0_CTRL REG(0x40000000)
#define TIMER0_VALUE REG(0x40000004)
#define TIMER0_RELOAD REG(0x40000008)
#define TIMER_CTRL_ENABLE (1u << 0)

// CMSDK APB UART.
struct uart_registers {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t ctrl;
    volatile uint32_t intstatus; // write 1 to clear
    volatile uint32_t bauddiv;
};
#define UART0 ((struct uart_registers *)0x40004000)
#define UART1 ((struct uart_registers *)0x40005000)
#define UART_STATE_TXFULL (1u << 0)
#define UART_STATE_RXFULL (1u << 1)
#define UART_CTRL_TX (1u << 0)
#define UART_CTRL_RX (1u << 1)
#define UART_CTRL_TX_INT (1u << 2)
#define UART_CTRL_RX_INT (1u << 3)
#define UART_INT_TX (1u << 0)
#define UART_INT_RX (1u << 1)

// CMSDK watchdog: the first timeout raises NMI, the second resets the board.
#define WATCHDOG_LOAD REG(0x40008000)
#define WATCHDOG_CONTROL REG(0x40008008)
#define WATCHDOG_INTCLR REG(0x4000800C)
#define WATCHDOG_LOCK REG(0x40008C00)
#define WATCHDOG_UNLOCK_KEY (0x1ACCE551)
#define WATCHDOG_CONTROL_INT (1u << 0)
#define WATCHDOG_CONTROL_RESET (1u << 1)

#define LAN9118_BASE (0xA0000000)

// Core: SysTick, system control block, NVIC.
#define SYST_CSR REG(0xE000E010)
#define SYST_RVR REG(0xE000E014)
#define SYST_CVR REG(0xE000E018)
#define NVIC_ISER ((volatile uint32_t *)0xE000E100)
#define NVIC_ICER ((volatile uint32_t *)0xE000E180)
#define NVIC_ICPR ((volatile uint32_t *)0xE000E280)
#define NVIC_IPR ((volatile uint8_t *)0xE000E400)
#define SCB_ICSR REG(0xE000ED04)
#define SCB_ICSR_PENDSVSET (1u << 28)
#define SCB_VTOR REG(0xE000ED08)
#define SCB_AIRCR REG(0xE000ED0C)
#define SCB_AIRCR_RESET (0x05FA0004)
#define SCB_SHPR ((volatile uint8_t *)0xE000ED18) // system handlers 4..15
#define SCB_CPACR REG(0xE000ED88)

// Priorities: a lower number goes first. Devices interrupt the engine, the engine interrupts the VM.
#define PRIORITY_DEVICE (0x40)
#define PRIORITY_PENDSV (0xE0)

// A symbol in the middle of a function, where host_tests/bench counts instructions. No code.
#define MARK(name) __asm volatile(".global " name "\n" name ":" : : : "memory")

static inline void irq_enable(unsigned irq) {
    NVIC_IPR[irq] = PRIORITY_DEVICE;
    NVIC_ICPR[irq / 32] = 1u << (irq % 32);
    NVIC_ISER[irq / 32] = 1u << (irq % 32);
}

// Masks every interrupt below the faults; returns what irq_restore() wants.
static inline uint32_t irq_save(void) {
    uint32_t state;
    __asm volatile("mrs %0, primask\n cpsid i" : "=r"(state) : : "memory");
    return state;
}

static inline void irq_restore(uint32_t state) {
    __asm volatile("msr primask, %0" : : "r"(state) : "memory");
}

#endif
