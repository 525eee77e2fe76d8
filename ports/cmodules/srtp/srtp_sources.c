// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The stream list of libsrtp (its SRTP_NO_STREAM_LIST hook), with one stream that serves every SSRC.
//
// Upstream's template would allocate a stream for each authentic SSRC, in the engine context and
// without an end. A call has one peer, who speaks with one SSRC and now and then begins anew with
// another; so the stream holds the replay state of the SSRC that spoke last (RTP and RTCP apart), and
// of all earlier ones a table keeps the next index that may come. An SSRC that left and returns has
// lost its window of late packets and nothing else: what was heard once is not heard again, however
// often the peer changes (RFC 3711 section 3.3.2). A full table takes no further SSRC; nothing is
// evicted, as that would let an attacker replay what the evicted one had sent.

#include "srtp_sources.h"

#include <string.h>

#include "srtp/srtp_core.h"
#include "stream_list_priv.h"

#define WINDOW_WORDS (4) // 128 packets

struct source {
    uint32_t ssrc;
    uint32_t next[2]; // low and high half of the index that may come next
};

// RTP and RTCP have one each.
struct table {
    uint8_t count;
    int8_t current; // whose state the stream holds; -1: nobody's yet
    struct source sources[SRTP_CORE_SOURCES];
};

struct srtp_stream_list_ctx_t_ {
    srtp_stream_t stream;
    struct table tables[2];
};

srtp_err_status_t srtp_stream_list_alloc(srtp_stream_list_t *out) {
    srtp_stream_list_t list = srtp_crypto_alloc(sizeof(*list));
    if (list == NULL) {
        return srtp_err_status_alloc_fail;
    }
    list->tables[0].current = -1;
    list->tables[1].current = -1;
    *out = list;
    return srtp_err_status_ok;
}

srtp_err_status_t srtp_stream_list_dealloc(srtp_stream_list_t list) {
    srtp_crypto_free(list);
    return srtp_err_status_ok;
}

srtp_err_status_t srtp_stream_list_insert(srtp_stream_list_t list, srtp_stream_t stream) {
    if (list->stream != NULL) {
        return srtp_err_status_alloc_fail;
    }
    list->stream = stream;
    return srtp_err_status_ok;
}

// The caller has put the state of this SSRC into the stream.
srtp_stream_t srtp_stream_list_get(srtp_stream_list_t list, uint32_t ssrc) {
    (void)ssrc;
    return list->stream;
}

void srtp_stream_list_remove(srtp_stream_list_t list, srtp_stream_t stream) {
    if (list->stream == stream) {
        list->stream = NULL;
    }
}

void srtp_stream_list_for_each(
    srtp_stream_list_t list, int (*callback)(srtp_stream_t, void *), void *data) {
    if (list->stream != NULL) {
        callback(list->stream, data);
    }
}

static int find(const struct table *table, uint32_t ssrc) {
    for (int i = 0; i < table->count; i++) {
        if (table->sources[i].ssrc == ssrc) {
            return i;
        }
    }
    return -1;
}

// Everything below `next` counts as seen.
static void load_rtp(srtp_stream_t stream, uint64_t next) {
    stream->rtp_rdbx.index = next > 0 ? next - 1 : 0;
    memset(stream->rtp_rdbx.bitmask.word, next > 0 ? 0xff : 0, WINDOW_WORDS * sizeof(uint32_t));
}

static void load_rtcp(srtp_stream_t stream, uint64_t next) {
    memset(&stream->rtcp_rdb, 0, sizeof(stream->rtcp_rdb));
    stream->rtcp_rdb.window_start = (uint32_t)next;
}

static uint64_t rtcp_next(const srtp_rdb_t *rdb) {
    for (uint32_t bit = 32 * WINDOW_WORDS; bit > 0; bit--) {
        if (rdb->bitmask.v32[(bit - 1) / 32] >> (bit - 1) % 32 & 1) {
            return rdb->window_start + bit;
        }
    }
    return rdb->window_start;
}

// Prepares the stream for a packet of this SSRC. Returns false if it would be one too many.
bool sources_begin(
    srtp_t session, uint32_t ssrc, bool rtcp, struct sources_saved *saved, srtp_stream_t *out) {
    struct table *table = &session->stream_list->tables[rtcp];
    srtp_stream_t stream = session->stream_list->stream;
    *out = stream;
    saved->fresh = false;
    saved->other = table->current < 0 || table->sources[table->current].ssrc != ssrc;
    if (!saved->other) {
        return true;
    }
    int known = find(table, ssrc);
    if (known < 0 && table->count == SRTP_CORE_SOURCES) {
        return false;
    }
    const uint32_t *half = known < 0 ? (const uint32_t[2]){ 0, 0 } : table->sources[known].next;
    uint64_t next = (uint64_t)half[1] << 32 | half[0];
    saved->fresh = known < 0;
    if (rtcp) {
        saved->rdb = stream->rtcp_rdb;
        load_rtcp(stream, next);
    } else {
        saved->index = stream->rtp_rdbx.index;
        memcpy(saved->mask, stream->rtp_rdbx.bitmask.word, sizeof(saved->mask));
        load_rtp(stream, next);
    }
    return true;
}

// The packet was taken: its SSRC is now the one that the stream holds.
void sources_commit(srtp_t session, uint32_t ssrc, bool rtcp, const struct sources_saved *saved) {
    struct table *table = &session->stream_list->tables[rtcp];
    if (!saved->other) {
        return;
    }
    if (table->current >= 0) {
        struct source *before = &table->sources[table->current];
        uint64_t next = rtcp ? rtcp_next(&saved->rdb) : saved->index + 1;
        before->next[0] = (uint32_t)next;
        before->next[1] = (uint32_t)(next >> 32);
    }
    int known = find(table, ssrc);
    if (known < 0) {
        known = table->count++;
        table->sources[known].ssrc = ssrc;
    }
    table->current = (int8_t)known;
}

// The packet was not taken: the stream is as it was before sources_begin().
void sources_restore(srtp_t session, bool rtcp, const struct sources_saved *saved) {
    srtp_stream_t stream = session->stream_list->stream;
    if (!saved->other) {
        return;
    }
    if (rtcp) {
        stream->rtcp_rdb = saved->rdb;
    } else {
        stream->rtp_rdbx.index = saved->index;
        memcpy(stream->rtp_rdbx.bitmask.word, saved->mask, sizeof(saved->mask));
    }
}
