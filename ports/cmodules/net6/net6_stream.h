// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Streams (TCP) over IPv6 (siproxy64-router: IPv4, too) and listeners for them: two static pools, and above them one face for what
// carries the octets (kernel, lwIP). Nothing waits: what cannot be done now is -EAGAIN.
//
// Read it in three parts: what carries a stream (struct net6_stream_ops), the state that both sides
// see, what the binding calls.

#ifndef VOX6_NET6_STREAM_H
#define VOX6_NET6_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "net6/net6_blocks.h"

// A port may set the three.
#ifndef NET6_STREAMS
#define NET6_STREAMS (8) // a connection for each account, incoming ones, DNS, an update
#endif
#define NET6_STREAMS_RESERVE (2) // of them incoming connections may not take
#ifndef NET6_LISTENERS
#define NET6_LISTENERS (4)
#endif
#ifndef NET6_BACKLOG_MAX
#define NET6_BACKLOG_MAX (8)
#endif

// What net6_stream_poll() tells, the values of poll(2).
#define NET6_POLL_IN (0x01)
#define NET6_POLL_OUT (0x04)
#define NET6_POLL_ERR (0x08)
#define NET6_POLL_HUP (0x10)

struct net6_stream;
struct net6_listener;

// ---------------------------------------------------------------------------------------------
// What carries a stream. VM context; each takes engine_enter() itself if it needs it. Results are 0
// or more, or a negative errno.

struct net6_stream_ops {
    // Octets read, 0 after the peer's end, -EAGAIN if there are none yet.
    int (*read)(struct net6_stream *stream, uint8_t *data, size_t size);
    // Octets taken, -EAGAIN if there is no room or no connection yet.
    int (*write)(struct net6_stream *stream, const uint8_t *data, size_t length);
    // NET6_POLL_... of those in wanted, ERR and HUP always.
    int (*poll)(struct net6_stream *stream, int wanted);
    int (*shutdown)(struct net6_stream *stream); // our end: FIN behind what was written
    // What was written is still sent, as long as the peer takes it.
    void (*close)(struct net6_stream *stream);
    int (*set_traffic_class)(struct net6_stream *stream, uint8_t traffic_class);
};

struct net6_listener_ops {
    // The first connection that waits, in a stream of the pool; -EAGAIN if there is none, or no stream
    // for it.
    int (*accept)(struct net6_listener *listener, struct net6_stream **stream);
    bool (*poll)(struct net6_listener *listener); // whether accept() has something
    void (*close)(struct net6_listener *listener);
};

// A port's choice between them, in struct net6_backend. VM context, not within engine_enter().
struct net6_streams {
    // Begins to connect to stream->peer and peer_port, from local if it is not NULL (and, by the kernel,
    // from stream->local_port if it is not 0); sets ops and stream->local, local_port.
    int (*connect)(struct net6_stream *stream, const uint8_t *local);
    // Listens at listener->local and port (0: any; the port found is written back).
    int (*listen)(struct net6_listener *listener, int backlog);
    bool both_families; // false: IPv4 (v4-mapped addresses) is refused
};

// ---------------------------------------------------------------------------------------------

struct net6_stream {
    bool used;
    bool local_ended; // shutdown() was called
    const struct net6_stream_ops *ops;
    int error; // negative errno that ended it, of each later read and write; 0: none
    int fd; // the kernel's; -1: none
    uint8_t local[16], peer[16];
    uint16_t local_port, peer_port;
    // Of a stream that lwIP carries. Within engine_enter().
    void *pcb; // NULL: lwIP knows it no more
    struct net6_octets received;
    bool connected;
    bool peer_ended;
    bool starved; // lwIP had no memory for what was to be written
    int failed; // negative errno
    struct net6_listener *waits_at; // not accepted yet
    uint32_t order; // among those
};

struct net6_listener {
    bool used;
    const struct net6_listener_ops *ops;
    int fd; // what poll(2) may wait at; -1: none
    int socket; // the kernel's; -1: none
    uint8_t local[16];
    uint16_t port;
    // lwIP's. Within engine_enter().
    void *pcb; // NULL: none
    engine_signal ready; // raised while connections wait
};

struct net6_stream_counters {
    uint32_t connects; // streams that the VM made
    uint32_t accepted;
    uint32_t refused; // incoming connections for which no stream was free
    uint32_t errors; // streams that ended with an error
    uint32_t streams, listeners; // in use now
};

// What carries connections takes streams for those that come in. Within engine_enter().

// A free stream, cleared and used from now on; NULL and counted as refused: there is none.
struct net6_stream *net6_stream_take_incoming(void);
void net6_stream_give(struct net6_stream *stream);
// The n-th of all streams, used or not; NULL behind the last.
struct net6_stream *net6_stream_at(size_t n);

// ---------------------------------------------------------------------------------------------
// What the binding calls (VM context). -ENOMEM: all streams or listeners are used.

int net6_stream_open(struct net6_stream **result, const uint8_t peer[16], uint16_t port,
    const uint8_t *local, uint16_t local_port);
int net6_stream_read(struct net6_stream *stream, uint8_t *data, size_t size);
int net6_stream_write(struct net6_stream *stream, const uint8_t *data, size_t length);
int net6_stream_poll(struct net6_stream *stream, int wanted);
int net6_stream_shutdown(struct net6_stream *stream);
int net6_stream_set_traffic_class(struct net6_stream *stream, uint8_t traffic_class);
void net6_stream_close(struct net6_stream *stream);

int net6_listen(
    struct net6_listener **result, const uint8_t local[16], uint16_t port, int backlog);
// -EAGAIN: no connection waits.
int net6_accept(struct net6_listener *listener, struct net6_stream **result);
bool net6_listener_poll(struct net6_listener *listener);
void net6_listener_close(struct net6_listener *listener);

void net6_stream_close_all(void);
void net6_stream_get_counters(struct net6_stream_counters *counters);

#endif
