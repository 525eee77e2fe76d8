// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Telephone events (RFC 4733): what is sent in place of voice, and what a peer's packets come to.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     event     |E|R| volume    |          duration             |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

#ifndef VOX6_MEDIA_EVENT_H
#define VOX6_MEDIA_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_OCTETS (4) // of one report
#define EVENT_QUEUE (16) // a number typed at once, with its area code; as many on the way in
#define EVENT_MS_MAX (60000)
#define EVENT_VOLUME_MAX (63) // -63 dBm0, the quietest (section 2.3.4)
#define EVENT_SEGMENT_TICKS (0xffff) // longest report (section 2.5.1.3)
#define EVENT_PACKETS (2) // most in one tick: a new segment, and the end of the last repeated

struct event_wish {
    uint8_t event;
    uint8_t volume;
    uint16_t ms;
};

struct event_sender {
    struct event_wish queue[EVENT_QUEUE]; // the one being sent is the first
    uint8_t first;
    uint8_t count;
    bool sending;
    uint8_t pause; // ticks without a packet, before the next event
    uint8_t ends; // packets with the E bit yet to be sent
    uint8_t repeats; // of the last packet of the segment before this
    uint32_t timestamp; // of the segment
    uint32_t elapsed; // ticks of the RTP clock since it began
    uint32_t left; // of the event, from the beginning of the segment on
};

struct event_packet {
    bool marker;
    uint32_t timestamp;
    uint8_t octets[EVENT_OCTETS];
};

struct event_heard {
    uint8_t event;
    uint32_t duration_ms;
};

struct event_receiver {
    bool known; // the fields of the event below mean something
    bool told; // it is in the queue, or was
    uint8_t event;
    uint32_t begin; // RTP timestamp of its first segment
    uint32_t segment; // and of the newest
    uint32_t duration; // of the newest
    uint32_t clock;
    uint64_t heard_us; // arrival of its newest packet
    struct event_heard queue[EVENT_QUEUE];
    uint8_t first;
    uint8_t count;
    uint32_t ended; // since the stream began
    uint32_t dropped; // of these, without room in the queue
};

int event_sender_put(struct event_sender *sender, uint8_t event, uint8_t volume, uint32_t ms);
bool event_sender_busy(const struct event_sender *sender);
size_t event_sender_tick(struct event_sender *sender, uint32_t timestamp, uint32_t clock,
    struct event_packet packets[EVENT_PACKETS]);

int event_receiver_take(struct event_receiver *receiver, const uint8_t *payload, size_t length,
    bool marker, uint32_t timestamp, uint32_t clock, uint64_t now_us);
void event_receiver_time(struct event_receiver *receiver, uint64_t now_us);
void event_receiver_restart(struct event_receiver *receiver);
bool event_receiver_open(const struct event_receiver *receiver);
bool event_receiver_get(struct event_receiver *receiver, struct event_heard *heard);

#endif
