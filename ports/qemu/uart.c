// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The two serial lines: console (0) and panel link (1), both by interrupts over rings.
//
// Ctrl-C on the console has two meanings. While a program of the REPL runs it raises KeyboardInterrupt
// as everywhere. While the phone runs (board_attend) it is a request first: a signal that the phone
// polls, so that it can leave in order; if the phone has not left 500 ms later the exception comes.

#include "uart.h"

#include "board.h"
#include "engine/engine.h"
#include "engine_qemu.h"
#include "mps2.h"
#include "py/mpconfig.h"
#include "py/runtime.h"
#include "shared/runtime/interrupt_char.h"

#define RX_SIZE (1024) // a line of the panel link; mpremote's window is 256 or less
#define TX_SIZE (2048) // two panel lines, so that a screen leaves in one call
#define REQUEST_MS (500)

struct uart {
    struct uart_registers *registers;
    volatile uint32_t rx_head;
    volatile uint32_t rx_tail;
    volatile uint32_t tx_head;
    volatile uint32_t tx_tail;
    volatile uint32_t rx_lost;
    uint8_t rx[RX_SIZE];
    uint8_t tx[TX_SIZE];
};

static struct uart uarts[UART_COUNT];

engine_signal board_console_request;
static volatile bool attending;
static volatile uint64_t request_us; // when it was pressed; engine time

void uart_init(void) {
    uarts[UART_CONSOLE].registers = UART0;
    uarts[UART_PANEL].registers = UART1;
    engine_signal_init(&board_console_request);
    for (int i = 0; i < UART_COUNT; i++) {
        uarts[i].registers->bauddiv = 16;
        uarts[i].registers->ctrl =
            UART_CTRL_TX | UART_CTRL_RX | UART_CTRL_TX_INT | UART_CTRL_RX_INT;
    }
    irq_enable(IRQ_UART0_RX);
    irq_enable(IRQ_UART0_TX);
    irq_enable(IRQ_UART1_RX);
    irq_enable(IRQ_UART1_TX);
}

// Device interrupt or irq_save(): moves octets from the ring to the line as long as it takes them.
static void transmit(struct uart *uart) {
    while (uart->tx_tail != uart->tx_head && !(uart->registers->state & UART_STATE_TXFULL)) {
        uint8_t octet = uart->tx[uart->tx_tail % TX_SIZE];
        uart->tx_tail = uart->tx_tail + 1;
        uart->registers->data = octet;
    }
}

static void interrupt_key(void) {
    if (attending) {
        if (!board_console_request.raised) {
            request_us = engine_time_us();
            engine_signal_raise(&board_console_request);
        }
    } else {
        mp_sched_keyboard_interrupt();
    }
}

static void handler(struct uart *uart) {
    engine_qemu_event();
    uart->registers->intstatus = UART_INT_TX | UART_INT_RX;
    while (uart->registers->state & UART_STATE_RXFULL) {
        uint8_t octet = uart->registers->data;
        if (uart == &uarts[UART_CONSOLE] && octet == mp_interrupt_char) {
            interrupt_key();
        } else if (uart->rx_head - uart->rx_tail < RX_SIZE) {
            uart->rx[uart->rx_head % RX_SIZE] = octet;
            uart->rx_head = uart->rx_head + 1;
        } else {
            uart->rx_lost = uart->rx_lost + 1;
        }
    }
    transmit(uart);
}

void uart0_handler(void) {
    handler(&uarts[UART_CONSOLE]);
}

void uart1_handler(void) {
    handler(&uarts[UART_PANEL]);
}

void board_attend(bool on) {
    engine_signal_clear(&board_console_request);
    attending = on;
}

void board_console_tick(void) {
    if (attending && board_console_request.raised) {
        if (engine_time_us() - request_us >= REQUEST_MS * 1000) {
            attending = false;
            mp_sched_keyboard_interrupt();
        }
    }
}

size_t uart_available(int index) {
    return uarts[index].rx_head - uarts[index].rx_tail;
}

size_t uart_read(int index, uint8_t *buffer, size_t length) {
    struct uart *uart = &uarts[index];
    size_t count = 0;
    while (count < length && uart->rx_tail != uart->rx_head) {
        buffer[count++] = uart->rx[uart->rx_tail % RX_SIZE];
        uart->rx_tail = uart->rx_tail + 1;
    }
    return count;
}

size_t uart_room(int index) {
    return TX_SIZE - (uarts[index].tx_head - uarts[index].tx_tail);
}

size_t uart_write(int index, const uint8_t *buffer, size_t length) {
    struct uart *uart = &uarts[index];
    size_t count = 0;
    while (count < length && uart->tx_head - uart->tx_tail < TX_SIZE) {
        uart->tx[uart->tx_head % TX_SIZE] = buffer[count++];
        uart->tx_head = uart->tx_head + 1;
    }
    uint32_t state = irq_save();
    transmit(uart);
    irq_restore(state);
    return count;
}

void uart_panic(const char *text) {
    for (; *text; text++) {
        for (uint32_t patience = 1000000; patience && (UART0->state & UART_STATE_TXFULL);
            patience--) {
        }
        UART0->data = (uint8_t)*text;
    }
}

void uart_panic_hex(uint32_t value) {
    char text[9];
    for (int i = 0; i < 8; i++) {
        text[i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15];
    }
    text[8] = '\0';
    uart_panic(text);
}
