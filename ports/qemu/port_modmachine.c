// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Included by extmod/modmachine.c.

#include "board.h"

static void mp_machine_idle(void) {
    board_wait_for_event();
}

static void mp_machine_reset(void) {
    board_reset(RESET_CAUSE_SOFTWARE);
}

static mp_int_t mp_machine_reset_cause(void) {
    return WINDOW->reset_cause;
}
