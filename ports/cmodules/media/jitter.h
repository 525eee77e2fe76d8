// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Adaptive jitter buffer. All times are ticks of the RTP clock, 8000 a second, mod 2^32; so are the
// octets of the three codecs (voicecodecs_core.h), which is why a packet may be cut anywhere.

#ifndef VOX6_MEDIA_JITTER_H
#define VOX6_MEDIA_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JITTER_TICKS_PER_MS (8)
#define JITTER_BLOCK_TICKS (160) // 20 ms: packets of other lengths are cut into such blocks

// Least delay: the frame that plays and one that may be on its way; most: ITU-T G.114 calls 400 ms
// from mouth to ear the limit of a conversation, and the network and the far end want their half.
#define JITTER_DELAY_MIN (40 * JITTER_TICKS_PER_MS)
#define JITTER_DELAY_MAX (200 * JITTER_TICKS_PER_MS)

// Blocks of one stream: the longest delay in packets of 10 ms, and a burst of four.
#define JITTER_BLOCKS (24)

// Blocks of all streams: two in conversation at their worst, or four at an ordinary delay.
#ifndef JITTER_POOL
#define JITTER_POOL (64)
#endif

enum jitter_result {
    JITTER_TAKEN,
    JITTER_LATE, // its time to play was over
    JITTER_DISCARDED, // no room, out of bounds, or time already covered by another packet
};

enum jitter_kind {
    JITTER_SOUND, // octets to decode
    JITTER_GAP, // lost or late: to be concealed
    JITTER_SILENCE, // nothing was to be expected
};

struct jitter_piece {
    enum jitter_kind kind;
    uint8_t codec;
    size_t ticks;
    uint8_t octets[JITTER_BLOCK_TICKS];
};

struct jitter {
    uint8_t first; // index in the pool plus 1, in order of time; 0: empty
    uint8_t blocks;
    bool active; // the source is being played
    bool priming; // nothing of it has been played yet
    bool aligned; // `next` belongs to a frame of the device
    uint32_t next; // timestamp that the next piece begins with
    uint32_t base; // least transit time known: arrival minus timestamp
    uint32_t window_least; // least transit of the running window
    uint32_t window_before; // and of the one before it
    uint32_t window_start; // arrival time
    uint32_t peak_q8; // transit above base: follows up at once, down in some seconds
    uint32_t starved; // ticks played since the last sound
    uint32_t overflowed;
};

void jitter_reset(struct jitter *jitter);
void jitter_arrival(struct jitter *jitter, uint32_t timestamp, bool newest, uint32_t arrival);
enum jitter_result jitter_put(struct jitter *jitter, uint32_t timestamp, uint8_t codec,
    const uint8_t *octets, size_t length);
void jitter_begin(struct jitter *jitter, uint32_t now);
void jitter_take(struct jitter *jitter, size_t most, bool hold, struct jitter_piece *piece);
bool jitter_ready(const struct jitter *jitter);
uint32_t jitter_target(const struct jitter *jitter);
int32_t jitter_delay(const struct jitter *jitter, uint32_t now, uint32_t decoded);
size_t jitter_pool_used(void);

#endif
