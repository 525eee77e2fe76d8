// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
#ifndef VOX6_CRYPTO_RANDOM_H
#define VOX6_CRYPTO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

// Every port implements this: true entropy of the board, all or nothing; 0 or negative.
int vox6_entropy(uint8_t *buffer, size_t length);

int crypto_random(void *unused, unsigned char *buffer, size_t length);

#endif
