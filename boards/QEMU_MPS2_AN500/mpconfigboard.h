// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#define MICROPY_HW_BOARD_NAME "vox6 on MPS2 AN500 (QEMU)"
#define MICROPY_HW_MCU_NAME "Cortex-M7"
