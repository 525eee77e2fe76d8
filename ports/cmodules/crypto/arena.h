// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
#ifndef VOX6_CRYPTO_ARENA_H
#define VOX6_CRYPTO_ARENA_H

#include <stddef.h>

int arena_begin(size_t size);
void arena_end(void);

#endif
