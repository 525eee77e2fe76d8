// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The parts of spandsp that a phone needs, as one translation unit: upstream's files are taken
// untouched by the include path (-I$(SPANDSP_DIR)/src), this file is their configuration. One unit
// lets the compiler inline the 12-tap products of G.722 and needs no config.h.

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <memory.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What spandsp's configure script would have found: a C99 library.
#define HAVE_MATH_H 1
#define HAVE_LRINT 1
#define HAVE_LRINTF 1
#define HAVE_SINF 1
#define HAVE_COSF 1
#define HAVE_TANF 1
#define HAVE_ASINF 1
#define HAVE_ACOSF 1
#define HAVE_ATANF 1
#define HAVE_ATAN2F 1
#define HAVE_CEILF 1
#define HAVE_FLOORF 1
#define HAVE_POWF 1
#define HAVE_EXPF 1
#define HAVE_LOGF 1
#define HAVE_LOG10F 1

// States are ours and static: the branches that would allocate become "return NULL", and nothing
// here asks the board for a heap.
#define malloc(size) ((void *)0)
#define free(pointer) ((void)(pointer))

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wfloat-conversion"
#endif
#pragma GCC diagnostic ignored "-Wcast-align"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"

// Rounding without the double-precision library that a Cortex-M7 would call for it.
static inline long round_float(float x) {
    return (long)(x + (x < 0.0f ? -0.5f : 0.5f));
}

#define lrintf(x) round_float(x)

#include "floating_fudge.h"
#include "spandsp/telephony.h"
#include "spandsp/fast_convert.h"
#include "spandsp/saturated.h"

#define fsaturate(x) fsaturatef(x)

#include "vector_int.c"
#include "g711.c"
#include "g722.c"

#include "dds_int.c"
