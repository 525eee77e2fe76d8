// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// engine/engine.h for unix: a thread over epoll, a mutex, eventfds. The thread never touches py/*,
// the GC heap or mp_sched: it raises signals, and that is all that the VM sees of it.

#define _GNU_SOURCE
#include "engine_unix.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

// Endpoints (16), netlink, frame timer, pty, console timer, process signals, watchdog, and room.
#define WATCHES (32)
#define PRIORITY \
    (10) // SCHED_FIFO where allowed: above all ordinary programs, below the kernel's own

struct watch {
    int fd; // -1: free
    uint32_t serial; // tells an event of an earlier owner of this slot
    enum engine_order order;
    engine_handler handler;
    void *arg;
};

static struct watch watches[WATCHES];
static uint32_t serial;
static int epoll_fd = -1;
static bool started;
static pthread_mutex_t mutex;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fail(const char *what, int error) {
    fprintf(stderr, "vox6-phone: engine: %s: %s\n", what, strerror(error));
    exit(1);
}

/// The mutex inherits priority: a VM that holds it while the engine waits runs as the engine does.
static void make(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    int error = pthread_mutex_init(&mutex, &attributes);
    if (error) {
        fail("mutex", error);
    }
    pthread_mutexattr_destroy(&attributes);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) {
        fail("epoll", errno);
    }
    for (size_t i = 0; i < WATCHES; ++i) {
        watches[i].fd = -1;
    }
}

void engine_enter(void) {
    pthread_once(&once, make);
    pthread_mutex_lock(&mutex);
}

void engine_exit(void) {
    pthread_mutex_unlock(&mutex);
}

static uint64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t engine_time_us(void) {
    static uint64_t start;
    uint64_t now = monotonic_us();
    if (start == 0) {
        start = now; // first call: main(), before there is a thread
    }
    return now - start;
}

int engine_watch(int fd, enum engine_order order, engine_handler handler, void *arg) {
    int result = -ENOMEM;
    engine_enter();
    for (size_t i = 0; i < WATCHES; ++i) {
        if (watches[i].fd < 0) {
            struct epoll_event event = { .events = EPOLLIN,
                .data.u64 = (uint64_t)++serial << 32 | i };
            result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
            if (result == 0) {
                watches[i] = (struct watch){ fd, serial, order, handler, arg };
            }
            break;
        }
    }
    engine_exit();
    return result;
}

void engine_unwatch(int fd) {
    engine_enter();
    for (size_t i = 0; i < WATCHES; ++i) {
        if (watches[i].fd == fd && fd >= 0) {
            epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
            watches[i].fd = -1;
        }
    }
    engine_exit();
}

static void dispatch(const struct epoll_event *events, int count, enum engine_order order) {
    for (int i = 0; i < count; ++i) {
        size_t slot = events[i].data.u64 & 0xffffffff;
        engine_enter();
        struct watch watch = watches[slot];
        if (watch.fd >= 0 && watch.serial == events[i].data.u64 >> 32 && watch.order == order) {
            watch.handler(watch.fd, watch.arg);
        }
        engine_exit();
    }
}

static void *run(void *arg) {
    (void)arg;
    struct sched_param parameters = { .sched_priority = PRIORITY };
    pthread_setschedparam(
        pthread_self(), SCHED_FIFO, &parameters); // refused without a right: as well
    for (;;) {
        struct epoll_event events[WATCHES];
        int count = epoll_wait(epoll_fd, events, WATCHES, -1);
        dispatch(events, count, ENGINE_FIRST);
        dispatch(events, count, ENGINE_LAST);
    }
    return NULL;
}

int engine_start(void) {
    int result = 0;
    engine_enter();
    if (!started) {
        engine_time_us();
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); // the thread inherits: no signal is its own
        pthread_t thread;
        result = -pthread_create(&thread, NULL, run, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (result == 0) {
            pthread_detach(thread);
            started = true;
        }
    }
    engine_exit();
    return result;
}

int engine_signal_init(engine_signal *signal) {
    signal->raised = 0;
    signal->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return signal->fd < 0 ? -errno : 0;
}

// The flag and the eventfd change together, under the mutex, so that neither is ever ahead.
void engine_signal_raise(engine_signal *signal) {
    engine_enter();
    if (!signal->raised) {
        signal->raised = 1;
        uint64_t one = 1;
        ssize_t written = write(signal->fd, &one, sizeof(one));
        (void)written; // cannot fail: the count was 0
    }
    engine_exit();
}

void engine_signal_clear(engine_signal *signal) {
    engine_enter();
    if (signal->raised) {
        signal->raised = 0;
        uint64_t count;
        ssize_t taken = read(signal->fd, &count, sizeof(count));
        (void)taken;
    }
    engine_exit();
}

void engine_signal_deinit(engine_signal *signal) {
    engine_enter();
    if (signal->fd >= 0) {
        close(signal->fd);
        signal->fd = -1;
    }
    signal->raised = 0;
    engine_exit();
}
