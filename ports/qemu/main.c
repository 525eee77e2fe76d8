// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Boot, the phone, the REPL after it, soft reset.

#include <stdlib.h>

#include "board.h"
#include "engine_qemu.h"
#include "extmod/vfs.h"
#include "media/media_core.h"
#include "net6/net6_core.h"
#include "net6/net6_nic.h"
#include "tunnel6/tunnel6_netif.h"
#include "py/compile.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/cstack.h"
#include "shared/readline/readline.h"
#include "shared/runtime/gchelper.h"
#include "shared/runtime/pyexec.h"
#include "uart.h"

// Kept free below the VM's stack limit for the interrupts: the engine's deepest path (fragments
// reassembled, a datagram delivered, a media tick), an ICMP error, and the C calls beneath a check.
#define INTERRUPT_STACK (6 * 1024)

extern char _sheap, _eheap, _sstack, _estack;

int main(void) {
    uart_init();
    engine_qemu_init();
    board_note_boot();
    board_seed();
    net6_nic_init();

    for (;;) {
        mp_cstack_init_with_top(&_estack, (&_estack - &_sstack) - INTERRUPT_STACK);
        gc_init(&_sheap, &_eheap);
        mp_init();
        readline_init0();

        pyexec_frozen_module("_boot.py", false);
        // mpremote resets into the raw REPL: there the phone does not start by itself.
        if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
            board_attend(true);
            int result = pyexec_frozen_module("_start.py", true);
            board_attend(false);
            if (result & PYEXEC_FORCED_EXIT) {
                goto soft_reset;
            }
        }
        for (;;) {
            if (pyexec_mode_kind == PYEXEC_MODE_RAW_REPL) {
                if (pyexec_raw_repl() != 0) {
                    break;
                }
            } else if (pyexec_friendly_repl() != 0) {
                break;
            }
        }

    soft_reset:
        mp_hal_stdout_tx_str("MPY: soft reboot\r\n");
        gc_sweep_all();
        media_deinit();
        tunnel6_stop();
        net6_close_all();
        mp_deinit();
    }
}

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    gc_collect_end();
}

NORETURN void nlr_jump_fail(void *value) {
    (void)value;
    uart_panic("\r\nvox6: uncaught exception in C\r\n");
    board_reset(RESET_CAUSE_FAULT);
}

NORETURN void abort(void) {
    uart_panic("\r\nvox6: abort\r\n");
    board_reset(RESET_CAUSE_FAULT);
}

NORETURN void exit(int status) {
    (void)status;
    uart_panic("\r\nvox6: exit\r\n");
    board_reset(RESET_CAUSE_FAULT);
}
