# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
#
# The single-precision unit of an RP2350, so that instruction counts compare.

BOARD_CFLAGS = -mthumb -mcpu=cortex-m7 -mfpu=fpv5-sp-d16 -mfloat-abi=hard
LDSCRIPT = mps2_an500.ld
MPY_CROSS_FLAGS += -march=armv7emsp
