// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Adaptive jitter buffer. All times are ticks of 1/8000 s, mod 2^32; so are the octets of G.711 and
// G.722 (voicecodecs_core.h), which is why their packets may be cut anywhere. What may not is a
// whole: it is given out as it came, with what of its sound is to be left out.

#ifndef VOX6_MEDIA_JITTER_H
#define VOX6_MEDIA_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JITTER_TICKS_PER_MS (8)
#define JITTER_BLOCK_TICKS (160) // 20 ms: packets of other lengths are cut into such blocks
#define JITTER_BLOCK_OCTETS (160) // a whole may take several
#define JITTER_WHOLE_OCTETS (1276) // longest frame of Opus (RFC 6716 section 3.2.1), with its TOC
#define JITTER_WHOLE_TICKS (480) // and 60 ms, its longest

// Least delay: the frame that plays and one that may be on its way; most: ITU-T G.114 calls 400 ms
// from mouth to ear the limit of a conversation, and the network and the far end want their half.
#define JITTER_DELAY_MIN (40 * JITTER_TICKS_PER_MS)
#define JITTER_DELAY_MAX (200 * JITTER_TICKS_PER_MS)

// Blocks of one stream: the longest delay in packets of 10 ms, or of 20 ms in L16 at 16000, and a
// burst of four.
#define JITTER_BLOCKS (44)

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

struct jitter_unit {
    uint32_t timestamp;
    uint8_t codec;
    bool whole; // not to be cut; otherwise an octet is a tick
    size_t ticks; // 1..JITTER_BLOCK_TICKS, of a whole ..JITTER_WHOLE_TICKS
    const uint8_t *octets;
    size_t length; // 1..JITTER_BLOCK_OCTETS, of a whole ..JITTER_WHOLE_OCTETS
};

struct jitter_piece {
    enum jitter_kind kind;
    uint8_t codec;
    bool held; // a gap whose time did not pass
    size_t skip; // ticks at the beginning of a whole that are to be left out
    size_t ticks; // after them
    size_t length;
    uint8_t octets[JITTER_WHOLE_OCTETS];
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
    uint16_t reserve; // ticks more, for the packet after a lost one to be there in time
};

void jitter_reset(struct jitter *jitter);
void jitter_arrival(struct jitter *jitter, uint32_t timestamp, bool newest, uint32_t arrival);
enum jitter_result jitter_put(struct jitter *jitter, const struct jitter_unit *unit);
void jitter_begin(struct jitter *jitter, uint32_t now);
void jitter_take(struct jitter *jitter, size_t most, bool hold, struct jitter_piece *piece);
bool jitter_peek(const struct jitter *jitter, uint8_t codec, struct jitter_piece *piece);
bool jitter_ready(const struct jitter *jitter);
uint32_t jitter_target(const struct jitter *jitter);
int32_t jitter_delay(const struct jitter *jitter, uint32_t now, uint32_t decoded);
size_t jitter_pool_used(void);

#endif
