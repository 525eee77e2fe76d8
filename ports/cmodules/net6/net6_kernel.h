// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_NET6_KERNEL_H
#define VOX6_NET6_KERNEL_H

#include "net6/net6_core.h"

// UDP sockets of the host's kernel (Linux). No root needed.
extern const struct net6_backend net6_kernel;

// Begins to watch for changes of addresses. Idempotent; 0 or a negative errno.
int net6_kernel_watch(void);

#endif
