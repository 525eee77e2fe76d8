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
    uint8_t length; // octets
    bool whole;
    bool more; // the next block goes on with this whole
    uint16_t ticks; // of the unit, in its first block
    uint32_t timestamp; // of the unit, in all its blocks
    uint8_t octets[JITTER_BLOCK_OCTETS];
};

static struct jitter_block pool[JITTER_POOL];
static uint8_t pool_free; // index plus 1
static uint8_t pool_fresh; // blocks that were never used
static uint8_t pool_used;

_Static_assert(JITTER_POOL < 256, "block indices are octets");
_Static_assert(JITTER_BLOCK_OCTETS < 256, "lengths are octets");
_Static_assert(JITTER_BLOCK_OCTETS >= JITTER_BLOCK_TICKS, "a block holds what may be cut");

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

// Drops the first unit.
static void drop_first(struct jitter *jitter) {
    bool more = true;
    while (more) {
        uint8_t index = jitter->first;
        more = pool[index - 1].more;
        jitter->first = pool[index - 1].next;
        jitter->blocks--;
        block_put(index);
    }
}

// The link behind the last block of a unit.
static uint8_t *end_of(struct jitter_block *block) {
    while (block->more) {
        block = &pool[block->next - 1];
    }
    return &block->next;
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

static size_t free_blocks(const struct jitter *jitter) {
    size_t in_pool = JITTER_POOL - (size_t)pool_used;
    size_t ours = JITTER_BLOCKS - (size_t)jitter->blocks;
    return in_pool < ours ? in_pool : ours;
}

static void insert(struct jitter *jitter, uint8_t *link, const struct jitter_unit *unit) {
    uint8_t after = *link;
    for (size_t at = 0; at < unit->length; at += JITTER_BLOCK_OCTETS) {
        uint8_t index = block_get();
        struct jitter_block *block = &pool[index - 1];
        size_t length = unit->length - at;
        block->more = length > JITTER_BLOCK_OCTETS;
        length = block->more ? JITTER_BLOCK_OCTETS : length;
        block->codec = unit->codec;
        block->length = (uint8_t)length;
        block->whole = unit->whole;
        block->ticks = (uint16_t)unit->ticks;
        block->timestamp = unit->timestamp;
        memcpy(block->octets, unit->octets + at, length);
        *link = index;
        link = &block->next;
        jitter->blocks++;
    }
    *link = after;
}

// Takes a piece of one packet.
enum jitter_result jitter_put(struct jitter *jitter, const struct jitter_unit *given) {
    struct jitter_unit unit = *given;
    if (!jitter->active || unit.length == 0 || unit.ticks == 0
        || unit.ticks > (unit.whole ? JITTER_WHOLE_TICKS : JITTER_BLOCK_TICKS)
        || (unit.whole ? unit.length > JITTER_WHOLE_OCTETS : unit.length != unit.ticks)) {
        return JITTER_DISCARDED;
    }
    int32_t ahead = (int32_t)(unit.timestamp - jitter->next);
    if (ahead < 0) {
        size_t over = 0u - (uint32_t)ahead;
        if (over >= unit.ticks) {
            return JITTER_LATE;
        }
        if (!unit.whole) {
            unit.octets += over;
            unit.length -= over;
            unit.ticks -= over;
            unit.timestamp = jitter->next;
        }
    }
    if (ahead > SPAN_TICKS) {
        return JITTER_DISCARDED;
    }
    // Its place in time, from the oldest on; mostly the end.
    uint8_t *link = &jitter->first;
    while (*link != 0) {
        struct jitter_block *other = &pool[*link - 1];
        if (before(unit.timestamp, other->timestamp)) {
            if (before(other->timestamp, unit.timestamp + (uint32_t)unit.ticks)) {
                if (unit.whole) {
                    return JITTER_DISCARDED;
                }
                unit.length = unit.ticks = other->timestamp - unit.timestamp;
            }
            break;
        }
        if (before(unit.timestamp, other->timestamp + other->ticks)) {
            return JITTER_DISCARDED;
        }
        link = end_of(other);
    }
    size_t need = (unit.length + JITTER_BLOCK_OCTETS - 1) / JITTER_BLOCK_OCTETS;
    while (free_blocks(jitter) < need) {
        jitter->overflowed++;
        // The oldest makes room, unless the new one is that or the others hold all blocks.
        if (link == &jitter->first) {
            return JITTER_DISCARDED;
        }
        if (link == end_of(&pool[jitter->first - 1])) {
            link = &jitter->first;
        }
        drop_first(jitter);
    }
    insert(jitter, link, &unit);
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
            if (over < block->ticks) {
                if (over > 0 && !block->whole) {
                    block->length = (uint8_t)(block->length - over);
                    block->ticks = block->length;
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

// True if the first unit is next: a whole may have begun before.
static bool is_next(const struct jitter *jitter) {
    return jitter->first != 0 && (int32_t)(pool[jitter->first - 1].timestamp - jitter->next) <= 0;
}

static void copy_first(const struct jitter *jitter, struct jitter_piece *piece) {
    const struct jitter_block *block = &pool[jitter->first - 1];
    piece->codec = block->codec;
    piece->length = 0;
    for (;;) {
        memcpy(piece->octets + piece->length, block->octets, block->length);
        piece->length += block->length;
        if (!block->more) {
            break;
        }
        block = &pool[block->next - 1];
    }
}

// Copies the octets of the unit that comes next, if it is a codec's and its time has come. The rest
// of the piece is left as it is.
bool jitter_peek(const struct jitter *jitter, uint8_t codec, struct jitter_piece *piece) {
    if (!jitter->active || !is_next(jitter) || pool[jitter->first - 1].codec != codec) {
        return false;
    }
    copy_first(jitter, piece);
    return true;
}

// Gives the next piece in time: a unit, or at most `most` ticks of what is not there.
// hold: the time of a gap does not pass, which makes the delay longer by it.
void jitter_take(struct jitter *jitter, size_t most, bool hold, struct jitter_piece *piece) {
    piece->kind = JITTER_SILENCE;
    piece->ticks = most;
    piece->skip = 0;
    piece->held = false;
    piece->length = 0;
    if (!jitter->active) {
        return;
    }
    if (is_next(jitter)) {
        struct jitter_block *block = &pool[jitter->first - 1];
        piece->kind = JITTER_SOUND;
        piece->skip = jitter->next - block->timestamp;
        piece->ticks = block->ticks - piece->skip;
        copy_first(jitter, piece);
        jitter->next += (uint32_t)piece->ticks;
        jitter->priming = false;
        jitter->starved = 0;
        drop_first(jitter);
        return;
    }
    if (jitter->first != 0) {
        uint32_t until = pool[jitter->first - 1].timestamp - jitter->next;
        if (until < most) {
            piece->ticks = until;
            hold = false;
        }
    }
    if (jitter->priming) {
        jitter->next += (uint32_t)piece->ticks;
        jitter->starved += (uint32_t)piece->ticks;
    } else {
        piece->kind = JITTER_GAP;
        piece->held = hold;
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
    return jitter->active && is_next(jitter);
}

// The delay wanted now, ticks.
uint32_t jitter_target(const struct jitter *jitter) {
    uint32_t target = (jitter->peak_q8 >> 8) + JITTER_BLOCK_TICKS + jitter->reserve;
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
