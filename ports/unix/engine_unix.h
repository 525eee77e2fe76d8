// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The engine of a unix phone: one thread that waits for all its descriptors.

#ifndef VOX6_ENGINE_UNIX_H
#define VOX6_ENGINE_UNIX_H

#include "engine/engine.h"

// Called in the engine thread, within engine_enter(), when fd is readable (or has failed).
typedef void (*engine_handler)(int fd, void *arg);

enum engine_order {
    ENGINE_FIRST, // packets, console: before the tick, as design.md section 5 orders it
    ENGINE_LAST, // the media tick
};

// Adds a descriptor, in either context. It is the caller's; unwatch it before closing it.
// Returns 0 or a negative errno. After engine_unwatch() the handler is not called any more.
int engine_watch(int fd, enum engine_order order, engine_handler handler, void *arg);
void engine_unwatch(int fd);

#endif
