// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// lwIP inside the unix phone, for the tunnel's interface alone: its clock is a timerfd of the engine
// thread, which ticks while the tunnel is up.

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine_unix.h"
#include "net6/net6_lwip.h"
#include "tunnel6/tunnel6_netif.h"

#define TICK_NS (250000000) // lwIP's own timers here have a second

static int timer_fd = -1;
static bool running;

uint32_t vox6_random32(void) {
    uint32_t value = 0;
    while (getrandom(&value, sizeof(value), 0) < 0 && errno == EINTR) {
    }
    return value;
}

static void on_timer(int fd, void *arg) {
    (void)arg;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) > 0) {
        net6_lwip_turn();
    }
}

static int open_timer(void) {
    if (timer_fd >= 0) {
        return 0;
    }
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int result = fd < 0 ? -errno : engine_watch(fd, ENGINE_FIRST, on_timer, NULL);
    if (result < 0) {
        if (fd >= 0) {
            close(fd);
        }
        return result;
    }
    timer_fd = fd;
    return 0;
}

/// first_ns: when it ticks first, 0: never.
static void set_timer(long first_ns) {
    struct itimerspec times = {
        .it_value.tv_nsec = first_ns,
        .it_interval.tv_nsec = running ? TICK_NS : 0,
    };
    timerfd_settime(timer_fd, 0, &times, NULL);
}

void net6_lwip_wake(void) {
    if (open_timer() == 0) {
        set_timer(1);
    }
}

int tunnel6_port_run(bool up) {
    int result = open_timer();
    if (result == 0 && up != running) {
        running = up;
        set_timer(up ? TICK_NS : 0);
    }
    return result;
}
