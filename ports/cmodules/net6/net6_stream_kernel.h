// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Streams over the host kernel's TCP sockets, as struct net6_streams and net6_listener_ops say.

#ifndef VOX6_NET6_STREAM_KERNEL_H
#define VOX6_NET6_STREAM_KERNEL_H

#include "net6/net6_stream.h"

int net6_stream_kernel_connect(struct net6_stream *stream, const uint8_t *local);
// Opens listener->socket.
int net6_stream_kernel_listen(struct net6_listener *listener, int backlog);
int net6_stream_kernel_accept(struct net6_listener *listener, struct net6_stream **result);
bool net6_stream_kernel_waits(struct net6_listener *listener);
void net6_stream_kernel_unlisten(struct net6_listener *listener);

#endif
