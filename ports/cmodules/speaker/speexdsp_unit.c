// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The parts of speexdsp that a phone needs, as one translation unit: upstream's files are taken
// untouched by the include path, this file is their configuration. Fixed point, and in place of a
// heap memory of the caller that is filled anew whenever something changes.

#include "speaker/speexdsp_unit.h"

#include <stdint.h>
#include <string.h>

// Loops over whole spectra: 2 % fewer instructions for 9 kB.
#ifndef __clang__
#pragma GCC optimize("O3")
#endif

#define FIXED_POINT 1
#define USE_KISS_FFT 1
#define EXPORT
#define RELEASE 1

#define OVERRIDE_SPEEX_ALLOC 1
#define OVERRIDE_SPEEX_ALLOC_SCRATCH 1
#define OVERRIDE_SPEEX_REALLOC 1
#define OVERRIDE_SPEEX_FREE 1
#define OVERRIDE_SPEEX_FREE_SCRATCH 1
#define OVERRIDE_SPEEX_FATAL 1
#define OVERRIDE_SPEEX_WARNING 1
#define OVERRIDE_SPEEX_WARNING_INT 1
#define OVERRIDE_SPEEX_NOTIFY 1
#define OVERRIDE_SPEEX_PUTC 1

#define speex_alloc(octets) speaker_arena_take((size_t)(octets))
#define speex_free(pointer) ((void)(pointer))
#define speex_warning(text) ((void)0)
#define speex_warning_int(text, value) ((void)(value))
#define speex_notify(text) ((void)0)
// Asked for by sizes that are not ours alone: not reached.
#define _speex_fatal(text, file, line) ((void)0)

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#pragma GCC diagnostic ignored "-Wcast-align"
#pragma GCC diagnostic ignored "-Wpointer-arith"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wfloat-conversion"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

static uint8_t *arena;
static size_t arena_size; // octets
static size_t arena_used;
static void *shared_fft;

// Cleared memory. What is asked for is always the same (speaker_core.h says how much), so it is
// there.
static void *speaker_arena_take(size_t octets) {
    octets = (octets + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
    if (octets > arena_size - arena_used) {
        return NULL;
    }
    uint8_t *taken = arena + arena_used;
    memset(taken, 0, octets);
    arena_used += octets;
    return taken;
}

// The states made from now on lie in this memory, aligned to 8 octets; those before have ended.
void speaker_arena_begin(void *memory, size_t octets) {
    arena = memory;
    arena_size = octets;
    arena_used = 0;
    shared_fft = NULL;
}

size_t speaker_arena_used(void) {
    return arena_used;
}

// The same results in fewer instructions: a long product where upstream has two short ones, and
// logarithms by counting zeros.
#include "arch.h"
#undef MULT16_32_Q15
#define MULT16_32_Q15(a, b) ((spx_word32_t)((int64_t)(spx_word16_t)(a) * (b) >> 15))

#define spx_ilog2 upstream_ilog2
#define spx_ilog4 upstream_ilog4
#include "math_approx.h"
#undef spx_ilog2
#undef spx_ilog4

static inline spx_int16_t spx_ilog2(spx_uint32_t x) {
    return (spx_int16_t)(31 - __builtin_clz(x | 1));
}

#include "kiss_fft.c"

// A header without a guard: its struct is there already.
#define kiss_fft_state kiss_fft_state_again
#include "kiss_fftr.c"
#undef kiss_fft_state

#include "fftwrap.c"

// Canceller and suppressor transform the same number of samples, one after the other: the tables
// are the same.
static void *fft_init(int size) {
    if (shared_fft == NULL) {
        shared_fft = spx_fft_init(size);
    }
    return shared_fft;
}

#define spx_fft_init fft_init

#include "filterbank.c"

#undef MIN
#include "mdf.c"
#include "preprocess.c"
