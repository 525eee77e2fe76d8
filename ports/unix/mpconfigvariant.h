// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Read by upstream's ports/unix/mpconfigport.h before its own defaults.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#include "mpconfigboard.h"

#define MICROPY_EMIT_X64 (0) // bytecode alone, as on the boards
#define MICROPY_BANNER_MACHINE MICROPY_HW_BOARD_NAME

#include "ports/unix/variants/mpconfigvariant_common.h"
