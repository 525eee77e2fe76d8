// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Datagrams that are not RTP, on their way to the VM: a queue for each stream in one pool. The level
// that Python polls stands for these and for events.

#include <string.h>

#include "media/stream.h"

static uint8_t datagram_get(void) {
    uint8_t index = media_state.datagrams_free;
    if (index != 0) {
        media_state.datagrams_free = media_state.datagrams[index - 1].next;
    } else if (media_state.datagrams_fresh < MEDIA_DATAGRAMS) {
        index = ++media_state.datagrams_fresh;
    } else {
        return 0;
    }
    media_state.datagrams_used++;
    return index;
}

// Makes the level what the queues say.
void media_signal_queues(struct media_stream *stream) {
    bool waiting = stream->first != 0 || stream->events_in.count > 0;
    if (waiting && !stream->signal.raised) {
        engine_signal_raise(&stream->signal);
    } else if (!waiting && stream->signal.raised) {
        engine_signal_clear(&stream->signal);
    }
}

void media_drop_datagram(struct media_stream *stream) {
    uint8_t index = stream->first;
    struct datagram *datagram = &media_state.datagrams[index - 1];
    stream->first = datagram->next;
    if (stream->first == 0) {
        stream->last = 0;
    }
    stream->queued--;
    media_signal_queues(stream);
    datagram->next = media_state.datagrams_free;
    media_state.datagrams_free = index;
    media_state.datagrams_used--;
}

void media_enqueue(struct media_stream *stream, enum media_kind kind, const uint8_t *data,
    size_t length, const struct net6_meta *meta) {
    uint8_t index = 0;
    if (length <= MEDIA_DATAGRAM_MAX && stream->queued < MEDIA_DATAGRAMS_EACH) {
        index = datagram_get();
    }
    if (index == 0) {
        stream->count.queue_dropped++;
        return;
    }
    struct datagram *datagram = &media_state.datagrams[index - 1];
    datagram->next = 0;
    datagram->kind = (uint8_t)kind;
    datagram->length = (uint16_t)length;
    datagram->port = meta->peer_port;
    memcpy(datagram->peer, meta->peer, sizeof(datagram->peer));
    memcpy(datagram->octets, data, length);
    if (stream->last != 0) {
        media_state.datagrams[stream->last - 1].next = index;
    } else {
        stream->first = index;
    }
    stream->last = index;
    stream->queued++;
    engine_signal_raise(&stream->signal);
}
