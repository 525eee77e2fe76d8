// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Streams over lwIP's TCP: the NIC of a board, the tunnel. lwIP calls us in the engine context; what it
// brings goes into net6's blocks, from which the VM reads. lwIP forgets a pcb by itself once both ends
// are done, so a stream lets go of it then.

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "lwip/ip6.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"
#include "net6/net6_lwip.h"
#include "net6/net6_lwip_address.h"
#include "net6/net6_stream.h"

#define PART (TCP_MSS) // octets moved under the lock at a time
#define WRITABLE (512) // least room that poll tells of
#define PORT_FIRST (0xc000) // of ports drawn at random (RFC 6056 section 3.3.1)
#define PORT_TRIES (16)
#define RETRY_TICKS (1) // half seconds until poll tells of room again after lwIP had no memory

// Of lwIP's heap, which voice needs, too: what all connections together may hold. A segment has some
// 100 octets besides.
#define SEGMENTS_MOST (MEMP_NUM_TCP_SEG - 8) // eight for SYN and FIN
#define OCTETS_MOST (MEM_SIZE / 3)

static uint32_t arrivals;

static bool both_ended(const struct net6_stream *stream) {
    return stream->local_ended && stream->peer_ended;
}

/// Lets lwIP finish alone, or forget the pcb.
static struct tcp_pcb *detach(struct net6_stream *stream) {
    struct tcp_pcb *pcb = stream->pcb;
    stream->pcb = NULL;
    if (pcb != NULL) {
        tcp_arg(pcb, NULL);
        tcp_recv(pcb, NULL);
        tcp_sent(pcb, NULL);
        tcp_poll(pcb, NULL, 0);
        tcp_err(pcb, NULL);
    }
    return pcb;
}

static void note_waiting(struct net6_listener *listener) {
    for (size_t i = 0; net6_stream_at(i) != NULL; ++i) {
        const struct net6_stream *stream = net6_stream_at(i);
        if (stream->used && stream->waits_at == listener) {
            engine_signal_raise(&listener->ready);
            return;
        }
    }
    engine_signal_clear(&listener->ready);
}

// ---------------------------------------------------------------------------------------------
// lwIP's calls, in the engine context or within engine_enter()

static void copy_pbuf(const void *source, size_t offset, uint8_t *to, size_t length) {
    pbuf_copy_partial(source, to, (u16_t)length, (u16_t)offset);
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error) {
    struct net6_stream *stream = arg;
    (void)pcb;
    (void)error;
    if (p == NULL) {
        stream->peer_ended = true;
        if (both_ended(stream)) {
            detach(stream);
        }
        return ERR_OK;
    }
    // Whoever has read all can go on, even if nobody reads the other streams.
    size_t spare = stream->received.length > 0 ? NET6_BLOCKS_DATAGRAMS : NET6_BLOCKS_RESERVE;
    if (!net6_octets_append(&stream->received, copy_pbuf, p, p->tot_len, spare)) {
        return ERR_MEM; // lwIP keeps it and asks again
    }
    pbuf_free(p);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t length) {
    (void)pcb;
    (void)length;
    ((struct net6_stream *)arg)->starved = false;
    return ERR_OK;
}

static err_t on_poll(void *arg, struct tcp_pcb *pcb) {
    (void)pcb;
    ((struct net6_stream *)arg)->starved = false;
    return ERR_OK;
}

static void on_error(void *arg, err_t error) {
    struct net6_stream *stream = arg;
    stream->pcb = NULL; // lwIP has freed it
    if (error == ERR_CLSD) {
        stream->peer_ended = true;
    } else if (error == ERR_RST) {
        stream->failed = stream->connected ? -ECONNRESET : -ECONNREFUSED;
    } else {
        stream->failed = -ETIMEDOUT;
    }
    if (stream->waits_at != NULL) {
        struct net6_listener *listener = stream->waits_at;
        net6_octets_clear(&stream->received);
        net6_stream_give(stream);
        note_waiting(listener);
    }
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error) {
    (void)pcb;
    (void)error;
    ((struct net6_stream *)arg)->connected = true;
    return ERR_OK;
}

// ---------------------------------------------------------------------------------------------

/// Octets that may be written now.
static size_t room_of(const struct net6_stream *stream) {
    struct tcp_pcb *pcb = stream->pcb;
    if (pcb == NULL || !stream->connected || stream->starved
        || tcp_sndqueuelen(pcb) + 1 >= TCP_SND_QUEUELEN) {
        return 0;
    }
    size_t octets = 0, segments = 0;
    for (const struct tcp_pcb *each = tcp_active_pcbs; each != NULL; each = each->next) {
        octets += (size_t)(TCP_SND_BUF - each->snd_buf);
        segments += each->snd_queuelen;
    }
    if (octets >= OCTETS_MOST || segments >= SEGMENTS_MOST) {
        return 0;
    }
    size_t left = OCTETS_MOST - octets;
    return left < tcp_sndbuf(pcb) ? left : tcp_sndbuf(pcb);
}

static int lwip_read(struct net6_stream *stream, uint8_t *data, size_t size) {
    engine_enter();
    int result = (int)net6_octets_read(&stream->received, data, size < PART ? size : PART);
    if (result > 0) {
        struct tcp_pcb *pcb = stream->pcb;
        if (pcb != NULL) {
            tcp_recved(pcb, (u16_t)result);
            if (pcb->refused_data != NULL) {
                tcp_process_refused_data(pcb);
            }
            net6_lwip_wake_for_loops();
        }
    } else if (size > 0 && !stream->peer_ended) {
        result = stream->failed != 0 ? stream->failed : -EAGAIN;
    }
    engine_exit();
    return result;
}

static int lwip_write(struct net6_stream *stream, const uint8_t *data, size_t length) {
    int result = stream->failed;
    engine_enter();
    if (result == 0 && stream->pcb == NULL) {
        result = -EPIPE;
    } else if (result == 0) {
        size_t part = room_of(stream);
        part = part < length ? part : length;
        part = part < PART ? part : PART;
        result = part == 0 && length > 0 ? -EAGAIN : (int)part;
        if (part > 0) {
            err_t error = tcp_write(stream->pcb, data, (u16_t)part, TCP_WRITE_FLAG_COPY);
            if (error == ERR_MEM) {
                stream->starved = true;
                result = -EAGAIN;
            } else if (error != ERR_OK) {
                result = error == ERR_CONN ? -EPIPE : net6_lwip_errno(error);
            } else {
                tcp_output(stream->pcb);
                net6_lwip_wake_for_loops();
            }
        }
    }
    engine_exit();
    return result;
}

static int lwip_poll(struct net6_stream *stream, int wanted) {
    int result = 0;
    engine_enter();
    if (stream->received.length > 0 || stream->peer_ended || stream->failed != 0) {
        result |= NET6_POLL_IN;
    }
    if (stream->failed != 0 || stream->pcb == NULL || stream->local_ended
        || room_of(stream) >= WRITABLE) {
        result |= NET6_POLL_OUT; // to be told of an error, too
    }
    result &= wanted;
    if (stream->failed != 0) {
        result |= NET6_POLL_ERR;
    }
    if (both_ended(stream)) {
        result |= NET6_POLL_HUP;
    }
    engine_exit();
    return result;
}

static int lwip_shutdown(struct net6_stream *stream) {
    int result = stream->failed;
    engine_enter();
    if (result == 0 && stream->pcb != NULL) {
        result = stream->connected ? net6_lwip_errno(tcp_shutdown(stream->pcb, 0, 1)) : -EAGAIN;
        if (result == 0) {
            stream->local_ended = true;
            if (both_ended(stream)) {
                detach(stream);
            }
        }
        net6_lwip_wake_for_loops();
    }
    engine_exit();
    return result;
}

static void lwip_close(struct net6_stream *stream) {
    engine_enter();
    struct tcp_pcb *pcb = detach(stream);
    if (pcb != NULL && (stream->received.length > 0 || tcp_close(pcb) != ERR_OK)) {
        tcp_abort(pcb);
    }
    net6_octets_clear(&stream->received);
    net6_lwip_wake_for_loops();
    engine_exit();
}

static int lwip_set_traffic_class(struct net6_stream *stream, uint8_t traffic_class) {
    engine_enter();
    if (stream->pcb != NULL) {
        ((struct tcp_pcb *)stream->pcb)->tos = traffic_class;
    }
    engine_exit();
    return 0;
}

static const struct net6_stream_ops ops = {
    .read = lwip_read,
    .write = lwip_write,
    .poll = lwip_poll,
    .shutdown = lwip_shutdown,
    .close = lwip_close,
    .set_traffic_class = lwip_set_traffic_class,
};

static void begin(struct net6_stream *stream, struct tcp_pcb *pcb) {
    net6_from_lwip(stream->local, ip_2_ip6(&pcb->local_ip));
    net6_from_lwip(stream->peer, ip_2_ip6(&pcb->remote_ip));
    stream->local_port = pcb->local_port;
    stream->peer_port = pcb->remote_port;
    stream->ops = &ops;
    stream->pcb = pcb;
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, stream);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    tcp_poll(pcb, on_poll, RETRY_TICKS);
    tcp_err(pcb, on_error);
}

static err_t bind_port(struct tcp_pcb *pcb, const ip_addr_t *local) {
    for (int i = 0; i < PORT_TRIES; i++) {
        if (tcp_bind(pcb, local, (u16_t)(PORT_FIRST | (LWIP_RAND() & 0x3fff))) == ERR_OK) {
            return ERR_OK;
        }
    }
    return tcp_bind(pcb, local, 0);
}

// lwIP takes our link-local address for a destination beyond the link if there is no other.
static bool fits(const ip_addr_t *local, const ip_addr_t *peer) {
    return !ip6_addr_islinklocal(ip_2_ip6(local)) || ip6_addr_islinklocal(ip_2_ip6(peer));
}

/// Within engine_enter().
static int connect_now(struct net6_stream *stream, const uint8_t *local) {
    ip_addr_t from, to;
    net6_to_ip(&to, stream->peer);
    ip_addr_set_any(true, &from);
    if (local != NULL) {
        net6_to_ip(&from, local);
        if (!net6_lwip_is_ours(&from)) {
            return -EADDRNOTAVAIL;
        }
    }
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V6);
    if (pcb == NULL) {
        return -ENOBUFS;
    }
    err_t error = bind_port(pcb, &from);
    if (error == ERR_OK) {
        error = tcp_connect(pcb, &to, stream->peer_port, on_connected);
    }
    if (error == ERR_OK && !fits(&pcb->local_ip, &to)) {
        error = ERR_RTE;
    }
    if (error != ERR_OK) {
        tcp_close(pcb); // no answer has come: it says nothing
        return net6_lwip_errno(error);
    }
    begin(stream, pcb);
    net6_lwip_wake_for_loops();
    return 0;
}

int net6_stream_lwip_connect(struct net6_stream *stream, const uint8_t *local) {
    engine_enter();
    int result = connect_now(stream, local);
    engine_exit();
    return result;
}

// ---------------------------------------------------------------------------------------------
// Listeners

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error) {
    struct net6_listener *listener = arg;
    if (pcb == NULL || error != ERR_OK) {
        return ERR_VAL;
    }
    struct net6_stream *stream = net6_stream_take_incoming();
    if (stream == NULL) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    begin(stream, pcb);
    tcp_backlog_delayed(pcb); // until it is accepted
    stream->connected = true;
    stream->waits_at = listener;
    stream->order = ++arrivals;
    engine_signal_raise(&listener->ready);
    return ERR_OK;
}

int net6_stream_lwip_accept(struct net6_listener *listener, struct net6_stream **result) {
    struct net6_stream *first = NULL;
    engine_enter();
    for (size_t i = 0; net6_stream_at(i) != NULL; ++i) {
        struct net6_stream *stream = net6_stream_at(i);
        if (stream->used && stream->waits_at == listener
            && (first == NULL || (int32_t)(stream->order - first->order) < 0)) {
            first = stream;
        }
    }
    if (first != NULL) {
        first->waits_at = NULL;
        if (first->pcb != NULL) {
            tcp_backlog_accepted(first->pcb);
        }
        *result = first;
    }
    note_waiting(listener);
    engine_exit();
    return first != NULL ? 0 : -EAGAIN;
}

bool net6_stream_lwip_waits(struct net6_listener *listener) {
    return listener->ready.raised;
}

/// lwIP lets two listen at one port if both may reuse it.
static bool is_taken(const ip_addr_t *local, uint16_t port) {
    for (const struct tcp_pcb_listen *each = tcp_listen_pcbs.listen_pcbs; each != NULL;
        each = each->next) {
        if (each->local_port == port
            && (ip_addr_isany(local) || ip_addr_isany(&each->local_ip)
                || ip_addr_eq(local, &each->local_ip))) {
            return true;
        }
    }
    return false;
}

/// Within engine_enter().
static int listen_now(struct net6_listener *listener, int backlog) {
    ip_addr_t local;
    net6_to_ip(&local, listener->local);
    if (!ip_addr_isany(&local) && !net6_lwip_is_ours(&local)) {
        return -EADDRNOTAVAIL;
    }
    if (is_taken(&local, listener->port)) {
        return -EADDRINUSE;
    }
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V6);
    if (pcb == NULL) {
        return -ENOBUFS;
    }
    ip_set_option(pcb, SOF_REUSEADDR);
    err_t error =
        listener->port != 0 ? tcp_bind(pcb, &local, listener->port) : bind_port(pcb, &local);
    struct tcp_pcb *listening =
        error == ERR_OK ? tcp_listen_with_backlog(pcb, (u8_t)backlog) : NULL;
    if (listening == NULL) {
        tcp_close(pcb);
        return error == ERR_OK ? -ENOBUFS : net6_lwip_errno(error);
    }
    listener->port = listening->local_port;
    listener->pcb = listening;
    tcp_arg(listening, listener);
    tcp_accept(listening, on_accept);
    return 0;
}

int net6_stream_lwip_listen(struct net6_listener *listener, int backlog) {
    int result = engine_signal_init(&listener->ready);
    if (result < 0) {
        return result;
    }
    engine_enter();
    result = listen_now(listener, backlog);
    engine_exit();
    if (result < 0) {
        engine_signal_deinit(&listener->ready);
    }
    return result;
}

void net6_stream_lwip_unlisten(struct net6_listener *listener) {
    engine_enter();
    if (listener->pcb != NULL) {
        tcp_arg(listener->pcb, NULL);
        tcp_accept(listener->pcb, NULL);
        tcp_close(listener->pcb);
        listener->pcb = NULL;
        for (size_t i = 0; net6_stream_at(i) != NULL; ++i) {
            struct net6_stream *stream = net6_stream_at(i);
            if (stream->used && stream->waits_at == listener) {
                struct tcp_pcb *pcb = detach(stream);
                if (pcb != NULL) {
                    tcp_abort(pcb);
                }
                net6_octets_clear(&stream->received);
                net6_stream_give(stream);
            }
        }
        engine_signal_deinit(&listener->ready);
    }
    engine_exit();
}
