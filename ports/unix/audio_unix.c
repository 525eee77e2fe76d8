// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// engine/audio_device.h over the two rings of the panel link in STATE/panel.rings, clocked by a
// CLOCK_MONOTONIC timer every 20 ms. Microphone and speaker move at the same event.

#define _GNU_SOURCE
#include "engine/audio_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "engine_unix.h"
#include "port_unix.h"
#include "ring/ring.h"

#define RING_SPAN ((sizeof(struct ring) + 4095) / 4096 * 4096) // of the speaker in the file
// After a process was kept from running its frames are made up for, so that RTP keeps its pace; but
// not more than this, as nobody wants to hear them.
#define CATCH_UP_MAX (10)

static struct ring *microphone, *speaker;
static int timer = -1;
static bool running;
static uint64_t due_us;

/// Maps the rings; without a state directory (or if its file cannot be made) they are private:
/// silence comes in, and what goes out is lost.
void audio_open(void) {
    char path[PATH_MAX];
    int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (state_path("panel.rings", path)) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0 || ftruncate(fd, (off_t)(2 * RING_SPAN)) < 0) {
            fprintf(stderr, "vox6-phone: %s: %s; there will be no sound\n", path, strerror(errno));
            fd = fd < 0 ? fd : (close(fd), -1);
        } else {
            flags = MAP_SHARED;
        }
    }
    uint8_t *map = mmap(NULL, 2 * RING_SPAN, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (fd >= 0) {
        close(fd);
    }
    if (map == MAP_FAILED) {
        return;
    }
    microphone = (struct ring *)map;
    speaker = (struct ring *)(map + RING_SPAN);
}

static void on_frame(int fd, void *arg) {
    (void)arg;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) != sizeof(count)) {
        return;
    }
    if (count > CATCH_UP_MAX) {
        due_us += (count - CATCH_UP_MAX) * AUDIO_FRAME_MS * 1000;
        count = CATCH_UP_MAX;
    }
    for (; count > 0; --count) {
        media_tick(due_us);
        due_us += AUDIO_FRAME_MS * 1000;
    }
}

int audio_device_start(uint32_t rate) {
    if (rate != 8000 && rate != 16000) {
        return -EINVAL;
    }
    if (microphone == NULL) {
        audio_open();
        if (microphone == NULL) {
            return -ENOMEM;
        }
    }
    int result = engine_start();
    if (result < 0) {
        return result;
    }
    engine_enter();
    if (!running || speaker->rate != rate) {
        ring_start(speaker, rate, rate / 1000 * AUDIO_FRAME_MS);
        ring_start(microphone, rate, rate / 1000 * AUDIO_FRAME_MS);
        microphone->tail = microphone->head; // what waited was of another time or rate
    }
    if (!running) {
        if (timer < 0) {
            timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        }
        if (timer < 0) {
            result = -errno;
            goto out;
        }
        result = engine_watch(timer, ENGINE_LAST, on_frame, NULL);
        if (result < 0) {
            goto out;
        }
        struct itimerspec every = {
            .it_interval = { 0, AUDIO_FRAME_MS * 1000000 },
            .it_value = { 0, AUDIO_FRAME_MS * 1000000 },
        };
        due_us = engine_time_us() + AUDIO_FRAME_MS * 1000;
        timerfd_settime(timer, 0, &every, NULL);
        running = true;
    }
out:
    engine_exit();
    return result;
}

void audio_device_stop(void) {
    engine_enter();
    if (running) {
        struct itimerspec never = { 0 };
        timerfd_settime(timer, 0, &never, NULL);
        engine_unwatch(timer);
        running = false;
    }
    engine_exit();
}

void audio_device_read(int16_t *samples, size_t count) {
    size_t got = ring_read(microphone, samples, count);
    if (got < count) {
        memset(samples + got, 0, (count - got) * sizeof(*samples));
        microphone->drops += (uint32_t)(count - got);
    }
}

void audio_device_write(const int16_t *samples, size_t count) {
    size_t put = ring_write(speaker, samples, count);
    speaker->drops += (uint32_t)(count - put);
}
