// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/jitter.h"

#include <string.h>

// How the delay is found. transit = arrival - timestamp has an unknown constant part; its minimum
// over the last windows is `base`. A sample of timestamp t plays at t + base + delay, so the delay
// of the moment is exactly now - next - base, without the noise of counting what is buffered, and
// a clock that drifts shows as a base that moves. The delay wanted is the peak of transit - base
// and one block, because a tick takes up to a whole block at once.

#define WINDOW_TICKS (2000 * JITTER_TICKS_PER_MS)
#define PEAK_SHIFT (8) // 1/256 a packet: half gone after 3.5 s of packets of 20 ms

// A packet in order whose transit differs by more than this has a new time base.
#define RESYNC_TICKS (1000 * JITTER_TICKS_PER_MS)

// After so long without sound the next packet starts anew with the delay wanted by then.
#define STARVED_TICKS (300 * JITTER_TICKS_PER_MS)

// No packet may claim a place further ahead.
#define SPAN_TICKS (1000 * JITTER_TICKS_PER_MS)

struct jitter_block {
    uint8_t next; // index plus 1
    uint8_t codec;
    uint8_t length;
    uint32_t timestamp;
    uint8_t octets[JITTER_BLOCK_TICKS];
};

static struct jitter_block pool[JITTER_POOL];
static uint8_t pool_free; // index plus 1
static uint8_t pool_fresh; // blocks that were never used
static uint8_t pool_used;

_Static_assert(JITTER_POOL < 256, "block indices are octets");
_Static_assert(JITTER_BLOCK_TICKS < 256, "lengths are octets");

static uint8_t block_get(void) {
    uint8_t index = pool_free;
    if (index != 0) {
        pool_free = pool[index - 1].next;
    } else if (pool_fresh < JITTER_POOL) {
        index = ++pool_fresh;
    } else {
        return 0;
    }
    pool_used++;
    return index;
}

static void block_put(uint8_t index) {
    pool[index - 1].next = pool_free;
    pool_free = index;
    pool_used--;
}

static void drop_first(struct jitter *jitter) {
    uint8_t index = jitter->first;
    jitter->first = pool[index - 1].next;
    jitter->blocks--;
    block_put(index);
}

static void flush(struct jitter *jitter) {
    while (jitter->first != 0) {
        drop_first(jitter);
    }
}

// Gives all blocks back and forgets the source; what was learned of its jitter stays.
void jitter_reset(struct jitter *jitter) {
    flush(jitter);
    jitter->active = false;
}

static void prime(struct jitter *jitter, uint32_t timestamp, uint32_t arrival) {
    flush(jitter);
    uint32_t transit = arrival - timestamp;
    jitter->active = true;
    jitter->priming = true;
    jitter->aligned = false;
    jitter->base = transit;
    jitter->window_least = transit;
    jitter->window_before = transit;
    jitter->window_start = arrival;
    jitter->next = timestamp - jitter_target(jitter);
    jitter->starved = 0;
}

static bool before(uint32_t a, uint32_t b) {
    return (int32_t)(a - b) < 0;
}

static void learn(struct jitter *jitter, uint32_t transit, uint32_t arrival) {
    if (before(transit, jitter->window_least)) {
        jitter->window_least = transit;
    }
    if (before(transit, jitter->base)) {
        jitter->base = transit;
    }
    if (arrival - jitter->window_start >= WINDOW_TICKS) {
        jitter->base = before(jitter->window_before, jitter->window_least) ? jitter->window_before
                                                                           : jitter->window_least;
        jitter->window_before = jitter->window_least;
        jitter->window_least = transit;
        jitter->window_start = arrival;
    }
    int32_t above = (int32_t)(transit - jitter->base);
    uint32_t level = above <= 0 ? 0 : (uint32_t)above;
    if (level > JITTER_DELAY_MAX) {
        level = JITTER_DELAY_MAX;
    }
    level <<= 8;
    if (level >= jitter->peak_q8) {
        jitter->peak_q8 = level;
    } else {
        jitter->peak_q8 -= (jitter->peak_q8 - level) >> PEAK_SHIFT;
    }
}

// Learns from the arrival of one packet, before its pieces are put.
// newest: it came in the order of its sequence numbers; only such a packet may move the time base.
void jitter_arrival(struct jitter *jitter, uint32_t timestamp, bool newest, uint32_t arrival) {
    uint32_t transit = arrival - timestamp;
    int32_t offset = (int32_t)(transit - jitter->base);
    if (!jitter->active || (newest && (offset > RESYNC_TICKS || offset < -RESYNC_TICKS))) {
        prime(jitter, timestamp, arrival);
    } else if (offset <= RESYNC_TICKS && offset >= -RESYNC_TICKS) {
        learn(jitter, transit, arrival);
    }
}

// Takes a piece of one packet, at most JITTER_BLOCK_TICKS octets.
enum jitter_result jitter_put(struct jitter *jitter, uint32_t timestamp, uint8_t codec,
    const uint8_t *octets, size_t length) {
    if (!jitter->active || length == 0 || length > JITTER_BLOCK_TICKS) {
        return JITTER_DISCARDED;
    }
    int32_t ahead = (int32_t)(timestamp - jitter->next);
    if (ahead < 0) {
        size_t over = 0u - (uint32_t)ahead;
        if (over >= length) {
            return JITTER_LATE;
        }
        octets += over;
        length -= over;
        timestamp = jitter->next;
        ahead = 0;
    }
    if (ahead > SPAN_TICKS) {
        return JITTER_DISCARDED;
    }
    // Its place in time, from the oldest on; mostly the end.
    uint8_t *link = &jitter->first;
    while (*link != 0) {
        struct jitter_block *other = &pool[*link - 1];
        if (before(timestamp, other->timestamp)) {
            if (before(other->timestamp, timestamp + (uint32_t)length)) {
                length = other->timestamp - timestamp;
            }
            break;
        }
        if (before(timestamp, other->timestamp + other->length)) {
            return JITTER_DISCARDED;
        }
        link = &other->next;
    }
    if (jitter->blocks >= JITTER_BLOCKS || (pool_free == 0 && pool_fresh == JITTER_POOL)) {
        jitter->overflowed++;
        // The oldest makes room, unless the new one is that or the others hold all blocks.
        if (link == &jitter->first) {
            return JITTER_DISCARDED;
        }
        if (link == &pool[jitter->first - 1].next) {
            link = &jitter->first;
        }
        drop_first(jitter);
    }
    uint8_t index = block_get();
    struct jitter_block *block = &pool[index - 1];
    block->next = *link;
    block->codec = codec;
    block->length = (uint8_t)length;
    block->timestamp = timestamp;
    memcpy(block->octets, octets, length);
    *link = index;
    jitter->blocks++;
    return JITTER_TAKEN;
}

// The frame that plays at `now` begins. The first one of a source gets the delay wanted.
void jitter_begin(struct jitter *jitter, uint32_t now) {
    if (jitter->active && !jitter->aligned) {
        jitter->aligned = true;
        jitter->next = now - jitter->base - jitter_target(jitter);
        // Packets that came in a burst after a stall are older than that.
        while (jitter->first != 0) {
            struct jitter_block *block = &pool[jitter->first - 1];
            int32_t over = (int32_t)(jitter->next - block->timestamp);
            if (over < block->length) {
                if (over > 0) {
                    block->length = (uint8_t)(block->length - over);
                    block->timestamp = jitter->next;
                    memmove(block->octets, block->octets + over, block->length);
                }
                break;
            }
            jitter->overflowed++;
            drop_first(jitter);
        }
    }
}

// Gives the next piece in time: a block, or at most `most` ticks of what is not there.
// hold: the time of a gap does not pass, which makes the delay longer by it.
void jitter_take(struct jitter *jitter, size_t most, bool hold, struct jitter_piece *piece) {
    piece->kind = JITTER_SILENCE;
    piece->ticks = most;
    if (!jitter->active) {
        return;
    }
    if (jitter->first != 0) {
        struct jitter_block *block = &pool[jitter->first - 1];
        if (block->timestamp == jitter->next) {
            piece->kind = JITTER_SOUND;
            piece->codec = block->codec;
            piece->ticks = block->length;
            memcpy(piece->octets, block->octets, block->length);
            jitter->next += block->length;
            jitter->priming = false;
            jitter->starved = 0;
            drop_first(jitter);
            return;
        }
        if (block->timestamp - jitter->next < most) {
            piece->ticks = block->timestamp - jitter->next;
            hold = false;
        }
    }
    if (jitter->priming) {
        jitter->next += (uint32_t)piece->ticks;
        jitter->starved += (uint32_t)piece->ticks;
    } else {
        piece->kind = JITTER_GAP;
        if (!hold) {
            jitter->next += (uint32_t)piece->ticks;
        }
        jitter->starved += (uint32_t)piece->ticks;
    }
    if (jitter->starved > STARVED_TICKS && jitter->first == 0) {
        jitter->active = false;
    }
}

// True if the next piece is sound.
bool jitter_ready(const struct jitter *jitter) {
    return jitter->active && jitter->first != 0
        && pool[jitter->first - 1].timestamp == jitter->next;
}

// The delay wanted now, ticks.
uint32_t jitter_target(const struct jitter *jitter) {
    uint32_t target = (jitter->peak_q8 >> 8) + JITTER_BLOCK_TICKS;
    if (target < JITTER_DELAY_MIN) {
        return JITTER_DELAY_MIN;
    }
    return target > JITTER_DELAY_MAX ? JITTER_DELAY_MAX : target;
}

// The delay of the sample that plays at `now`, of which `decoded` ticks were taken already.
int32_t jitter_delay(const struct jitter *jitter, uint32_t now, uint32_t decoded) {
    return (int32_t)(now - (jitter->next - decoded) - jitter->base);
}

size_t jitter_pool_used(void) {
    return pool_used;
}
