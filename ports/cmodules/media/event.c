// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/event.h"

#include <errno.h>
#include <string.h>

#include "engine/audio_device.h"
#include "media/rtp.h"

#define END_BIT (0x80)
#define END_PACKETS (3) // section 2.5.1.4

// ITU-T Q.24 wants 40 ms of silence between two digits in any network, many receivers 50: the two
// repetitions of the end and so many ticks more make 60.
#define PAUSE_TICKS (1)

// An event whose packets stay away ends by itself: sent every 50 ms (section 2.5.1.2), three of
// them lost in a row, and the longest jitter that the jitter buffer takes.
#define TIMEOUT_US (400000)

// No packet is repeated later; after that timestamps may be anything.
#define FORGET_US (5000000)

// Queues an event. Returns 0, -EINVAL, or -ENOBUFS if EVENT_QUEUE of them wait.
int event_sender_put(struct event_sender *sender, uint8_t event, uint8_t volume, uint32_t ms) {
    if (volume > EVENT_VOLUME_MAX || ms == 0 || ms > EVENT_MS_MAX) {
        return -EINVAL;
    }
    if (sender->count == EVENT_QUEUE) {
        return -ENOBUFS;
    }
    sender->queue[(sender->first + sender->count) % EVENT_QUEUE] =
        (struct event_wish){ event, volume, (uint16_t)ms };
    sender->count++;
    return 0;
}

// True while no voice is to be sent.
bool event_sender_busy(const struct event_sender *sender) {
    return sender->count > 0;
}

static void write_report(const struct event_sender *sender, bool end, uint32_t timestamp,
    uint32_t duration, struct event_packet *packet) {
    const struct event_wish *wish = &sender->queue[sender->first];
    packet->marker = false;
    packet->timestamp = timestamp;
    packet->octets[0] = wish->event;
    packet->octets[1] = (uint8_t)((end ? END_BIT : 0) | wish->volume);
    rtp_write16(packet->octets + 2, (uint16_t)duration);
}

// What leaves in the 20 ms that begin at timestamp, in a clock of so many ticks a second. Returns
// the number of packets; none in the pause between two events.
size_t event_sender_tick(struct event_sender *sender, uint32_t timestamp, uint32_t clock,
    struct event_packet packets[EVENT_PACKETS]) {
    size_t count = 0;
    bool begins = false;
    if (sender->pause > 0) {
        sender->pause--;
        return 0;
    }
    if (!sender->sending) {
        sender->sending = begins = true;
        sender->ends = END_PACKETS;
        sender->repeats = 0;
        sender->timestamp = timestamp;
        sender->elapsed = 0;
        sender->left = sender->queue[sender->first].ms * (clock / 1000);
    }
    if (sender->repeats > 0) {
        sender->repeats--;
        write_report(sender, false, sender->timestamp - EVENT_SEGMENT_TICKS, EVENT_SEGMENT_TICKS,
            &packets[count++]);
    }
    sender->elapsed += clock / 1000 * AUDIO_FRAME_MS;
    if (sender->elapsed > EVENT_SEGMENT_TICKS && sender->left > EVENT_SEGMENT_TICKS) {
        write_report(sender, false, sender->timestamp, EVENT_SEGMENT_TICKS, &packets[count++]);
        sender->timestamp += EVENT_SEGMENT_TICKS;
        sender->elapsed -= EVENT_SEGMENT_TICKS;
        sender->left -= EVENT_SEGMENT_TICKS;
        sender->repeats = END_PACKETS - 1;
    } else {
        bool end = sender->elapsed >= sender->left;
        write_report(sender, end, sender->timestamp, end ? sender->left : sender->elapsed,
            &packets[count++]);
        if (end && --sender->ends == 0) {
            sender->sending = false;
            sender->first = (uint8_t)((sender->first + 1) % EVENT_QUEUE);
            sender->count--;
            sender->pause = sender->count > 0 ? PAUSE_TICKS : 0;
        }
    }
    packets[0].marker = begins;
    return count;
}

static void tell(struct event_receiver *receiver) {
    if (!receiver->known || receiver->told) {
        return;
    }
    receiver->told = true;
    receiver->ended++;
    if (receiver->count == EVENT_QUEUE) {
        receiver->dropped++;
        return;
    }
    uint32_t ticks = receiver->segment - receiver->begin + receiver->duration;
    receiver->queue[(receiver->first + receiver->count) % EVENT_QUEUE] =
        (struct event_heard){ receiver->event, ticks / (receiver->clock / 1000) };
    receiver->count++;
}

static void take_report(struct event_receiver *receiver, const uint8_t *report, bool marker,
    uint32_t timestamp, uint32_t clock, uint64_t now_us) {
    bool end = (report[1] & END_BIT) != 0;
    uint16_t duration = rtp_read16(report + 2);
    int32_t later = (int32_t)(timestamp - receiver->segment);
    if (receiver->known && later < 0) {
        // Of a segment or an event before: what it could tell is known from what came after it.
        return;
    }
    if (receiver->known && later == 0) {
        if (receiver->told || receiver->event != report[0]) {
            return;
        }
        if (duration > receiver->duration) {
            receiver->duration = duration;
        }
    } else if (receiver->known && !receiver->told && !marker && receiver->event == report[0]
        && later == EVENT_SEGMENT_TICKS) {
        receiver->segment = timestamp;
        receiver->duration = duration;
    } else {
        tell(receiver); // its end was lost
        receiver->known = true;
        receiver->told = false;
        receiver->event = report[0];
        receiver->begin = receiver->segment = timestamp;
        receiver->duration = duration;
        receiver->clock = clock;
    }
    receiver->heard_us = now_us;
    if (end) {
        tell(receiver);
    }
}

// Takes the payload of one packet, in any order and any number of times; clock: ticks a second.
// Several reports follow each other without a pause (section 2.5.1.5). Returns 0, or -EINVAL for
// what is no payload.
int event_receiver_take(struct event_receiver *receiver, const uint8_t *payload, size_t length,
    bool marker, uint32_t timestamp, uint32_t clock, uint64_t now_us) {
    if (length == 0 || length % EVENT_OCTETS != 0) {
        return -EINVAL;
    }
    for (size_t at = 0; at < length; at += EVENT_OCTETS) {
        take_report(receiver, payload + at, marker, timestamp, clock, now_us);
        timestamp += rtp_read16(payload + at + 2);
    }
    return 0;
}

// Time goes by: an event that nobody ends has ended. A tick that comes late is due before packets that
// have arrived already.
void event_receiver_time(struct event_receiver *receiver, uint64_t now_us) {
    if (receiver->known && !receiver->told && now_us > receiver->heard_us + TIMEOUT_US) {
        tell(receiver);
    }
    if (receiver->known && now_us > receiver->heard_us + FORGET_US) {
        receiver->known = false;
    }
}

// Another source, or other timestamps: what goes on has ended.
void event_receiver_restart(struct event_receiver *receiver) {
    tell(receiver);
    receiver->known = false;
}

// True while an event goes on: its sender sends no voice.
bool event_receiver_open(const struct event_receiver *receiver) {
    return receiver->known && !receiver->told;
}

// Takes the oldest event that has ended.
bool event_receiver_get(struct event_receiver *receiver, struct event_heard *heard) {
    if (receiver->count == 0) {
        return false;
    }
    *heard = receiver->queue[receiver->first];
    receiver->first = (uint8_t)((receiver->first + 1) % EVENT_QUEUE);
    receiver->count--;
    return true;
}
