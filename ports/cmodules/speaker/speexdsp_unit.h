// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The memory of speexdsp. Not for others than speaker_core.c and its tests.

#ifndef VOX6_SPEEXDSP_UNIT_H
#define VOX6_SPEEXDSP_UNIT_H

#include <stddef.h>

void speaker_arena_begin(void *memory, size_t octets);
size_t speaker_arena_used(void);

#endif
