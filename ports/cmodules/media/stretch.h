// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Sound made shorter or longer by one pitch cycle, so that the delay of a jitter buffer moves
// without a click.

#ifndef VOX6_MEDIA_STRETCH_H
#define VOX6_MEDIA_STRETCH_H

#include <stddef.h>
#include <stdint.h>

// Lags searched: 2.5 to 12.5 ms, the pitch of voices from 80 to 400 Hz.
#define STRETCH_LAG_MIN(rate) ((rate) / 400)
#define STRETCH_LAG_MAX(rate) ((rate) / 80)
#define STRETCH_OVERLAP(rate) ((rate) / 200)

size_t stretch_shorten(const int16_t *in, int16_t *out, size_t count, uint32_t rate);
size_t stretch_lengthen(const int16_t *in, int16_t *out, size_t count, uint32_t rate);

#endif
