// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Concealment of lost sound at 8000 and 16000 samples a second. State is plain memory of the caller.

#ifndef VOX6_CONCEAL_H
#define VOX6_CONCEAL_H

#include <stddef.h>
#include <stdint.h>

#define CONCEAL_LAG_MAX (240) // a pitch of 66 Hz at 16000
#define CONCEAL_HISTORY (640)

struct conceal {
    uint32_t rate;
    uint16_t lag; // samples that are repeated
    uint16_t at; // place in them
    uint32_t missing; // samples made up since the last real one; 0: none
    int16_t history[CONCEAL_HISTORY]; // oldest first
};

void conceal_start(struct conceal *conceal, uint32_t rate);
void conceal_heard(struct conceal *conceal, int16_t *samples, size_t count);
void conceal_make(struct conceal *conceal, int16_t *samples, size_t count);

#endif
