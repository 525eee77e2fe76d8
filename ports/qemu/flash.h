// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_FLASH_H
#define VOX6_FLASH_H

#include "py/obj.h"

// `_board.flash`: block device (readblocks, writeblocks, ioctl) of the settings' flash.
extern const mp_obj_base_t flash_obj;

#endif
