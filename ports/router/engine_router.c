// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// engine/engine.h without an engine: there is one thread, which polls the sockets themselves and takes
// a datagram from the kernel when the program asks for one (net6_router.c). So nothing excludes
// anything, and no signal needs a descriptor.

#include <time.h>

#include "engine_unix.h"

void engine_enter(void) {
}

void engine_exit(void) {
}

int engine_start(void) {
    return 0;
}

uint64_t engine_time_us(void) {
    static uint64_t start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    if (start == 0) {
        start = us;
    }
    return us - start;
}

/// The program polls it, and net6_read() calls what handles it.
int engine_watch(int fd, enum engine_order order, engine_handler handler, void *arg) {
    (void)fd, (void)order, (void)handler, (void)arg;
    return 0;
}

void engine_unwatch(int fd) {
    (void)fd;
}

int engine_signal_init(engine_signal *signal) {
    signal->raised = 0;
    signal->fd = -1;
    return 0;
}

void engine_signal_raise(engine_signal *signal) {
    signal->raised = 1;
}

void engine_signal_clear(engine_signal *signal) {
    signal->raised = 0;
}

void engine_signal_deinit(engine_signal *signal) {
    signal->raised = 0;
    signal->fd = -1;
}
