// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#define MICROPY_HW_BOARD_NAME "vox6 UNIX_HOST"
