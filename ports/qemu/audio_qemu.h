// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_AUDIO_QEMU_H
#define VOX6_AUDIO_QEMU_H

#include <stdbool.h>

// Engine context: calls media_tick() once if a frame event is due. True: another one is due already.
bool audio_qemu_tick(void);

#endif
