// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Sound ring of the panel link. The other side is another program (or the host of an emulated
// board) and may be gone, late or broken: its index is read once and never trusted.

#include <string.h>

#include "ring/ring.h"

_Static_assert(
    sizeof(struct ring) == 64 + 2 * RING_CAPACITY, "the ring's layout is a file format");

static uint32_t load(volatile uint32_t *index) {
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store(volatile uint32_t *index, uint32_t value) {
    __atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/// Makes an empty ring, or gives a used one a new rate. rate: samples a second; frame: samples of
/// one 20 ms frame. The phone's side alone calls it. Readers and writers that see another generation
/// begin anew: the reader at head, the writer at tail.
void ring_start(struct ring *ring, uint32_t rate, uint32_t frame) {
    if (memcmp(ring->magic, "V6RG", 4) != 0) {
        memset(ring, 0, sizeof(*ring));
    }
    ring->version = RING_VERSION;
    ring->rate = rate;
    ring->frame = frame;
    ring->capacity = RING_CAPACITY;
    store(&ring->generation, ring->generation + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(ring->magic, "V6RG", 4);
}

/// Samples that wait. If the writer ran past the capacity (it must not) the oldest are skipped.
static uint32_t waiting(struct ring *ring, uint32_t head) {
    uint32_t count = head - ring->tail;
    if (count > RING_CAPACITY) {
        store(&ring->tail, head - (count < UINT32_MAX / 2 ? RING_CAPACITY : 0));
        count = head - ring->tail;
    }
    return count;
}

/// Takes at most count samples. Returns how many there were.
size_t ring_read(struct ring *ring, int16_t *samples, size_t count) {
    uint32_t head = load(&ring->head);
    uint32_t available = waiting(ring, head);
    if (count > available) {
        count = available;
    }
    uint32_t tail = ring->tail;
    size_t at = tail % RING_CAPACITY;
    size_t part = count < RING_CAPACITY - at ? count : RING_CAPACITY - at;
    memcpy(samples, ring->samples + at, part * sizeof(*samples));
    memcpy(samples + part, ring->samples, (count - part) * sizeof(*samples));
    store(&ring->tail, tail + (uint32_t)count);
    return count;
}

/// Puts count samples in, or as many as there is room for. Returns how many.
size_t ring_write(struct ring *ring, const int16_t *samples, size_t count) {
    uint32_t head = ring->head;
    uint32_t used = head - load(&ring->tail);
    size_t room = used <= RING_CAPACITY ? RING_CAPACITY - used : 0;
    if (count > room) {
        count = room;
    }
    size_t at = head % RING_CAPACITY;
    size_t part = count < RING_CAPACITY - at ? count : RING_CAPACITY - at;
    memcpy(ring->samples + at, samples, part * sizeof(*samples));
    memcpy(ring->samples, samples + part, (count - part) * sizeof(*samples));
    store(&ring->head, head + (uint32_t)count);
    return count;
}
