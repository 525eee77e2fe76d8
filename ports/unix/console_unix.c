// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The console of a phone is a pty, as a UART is on a board: mpremote opens its other side. The
// engine reads it, so that Ctrl-C is heard whatever the VM does; the VM writes it.

#define _GNU_SOURCE
#include "port_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "engine_unix.h"
#include "py/runtime.h"

#define CTRL_C (3)
#define CTRL_D (4)

#define INPUT_MAX \
    (16384) // as a UART's buffer: what comes beyond is lost. mpremote sends 128 at a time
#define REQUEST_MS (500) // a phone has this long to leave before KeyboardInterrupt
#define STOP_MS (4000) // after SIGTERM the process ends at last by force
#define READER_PATIENCE_MS (500) // a program at the other side that reads slower is taken for gone

static int master = -1, slave = -1;
static int request_timer = -1, stop_event = -1;
static pthread_t main_thread;

static uint8_t input[INPUT_MAX];
static uint32_t input_head, input_tail; // free-running, under the engine's mutex
static engine_signal input_ready = { 0, -1 };
static engine_signal requested = { 0, -1 };
static int interrupt_char = -1;
static bool phone_runs, logging;
static volatile sig_atomic_t stopping;
static unsigned interrupts; // KeyboardInterrupts sent since the phone was asked to leave
static bool reader_gone;

/// KeyboardInterrupt in the VM, by the signal that its ordinary handler takes.
static void interrupt_vm(void) {
    pthread_kill(main_thread, SIGINT);
}

static void arm(long first_ms) {
    struct itimerspec when = {
        .it_value = { first_ms / 1000, first_ms % 1000 * 1000000 },
        .it_interval = { 0, REQUEST_MS * 1000000 }, // again and again until the phone has left
    };
    if (first_ms == 0) {
        when.it_interval.tv_nsec = 0;
    }
    timerfd_settime(request_timer, 0, &when, NULL);
}

static void on_request_timer(int fd, void *arg) {
    (void)arg;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0) {
        return;
    }
    interrupt_vm();
    if (stopping && ++interrupts > STOP_MS / REQUEST_MS) {
        static const char text[] = "vox6-phone: the phone did not stop, ended by force\n";
        ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
        (void)written;
        _exit(1);
    }
}

/// The first Ctrl-C while a phone runs asks it to leave; the second, or one to any other program,
/// interrupts at once.
static void on_interrupt_char(void) {
    if (phone_runs && !requested.raised) {
        engine_signal_raise(&requested);
        arm(REQUEST_MS);
    } else {
        interrupt_vm();
    }
}

static void on_input(int fd, void *arg) {
    (void)arg;
    uint8_t octets[512];
    ssize_t count = read(fd, octets, sizeof(octets));
    for (ssize_t i = 0; i < count; ++i) {
        if (octets[i] == interrupt_char) {
            on_interrupt_char();
        } else if (input_head - input_tail < INPUT_MAX) {
            input[input_head++ % INPUT_MAX] = octets[i];
        }
    }
    if (input_head != input_tail) {
        engine_signal_raise(&input_ready);
    }
}

static void on_stop(int fd, void *arg) {
    (void)arg;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0) {
        return;
    }
    engine_signal_raise(&input_ready);
    if (phone_runs) {
        engine_signal_raise(&requested);
        arm(REQUEST_MS);
    } else {
        arm(1); // whatever else runs is interrupted
    }
}

void console_stop(void) {
    int error = errno;
    uint64_t one = 1;
    stopping = 1;
    ssize_t written = write(stop_event, &one, sizeof(one));
    (void)written;
    errno = error;
}

bool console_stopping(void) {
    return stopping != 0;
}

bool console_is_open(void) {
    return master >= 0;
}

engine_signal *console_requested(void) {
    if (requested.fd < 0) {
        engine_signal_init(&requested);
    }
    return &requested;
}

int console_open(void) {
    char link[PATH_MAX], fresh[PATH_MAX];
    const char *name;
    main_thread = pthread_self();
    console_requested();
    request_timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    stop_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (request_timer < 0 || stop_event < 0 || master < 0 || engine_signal_init(&input_ready) < 0
        || grantpt(master) < 0 || unlockpt(master) < 0 || (name = ptsname(master)) == NULL) {
        return -errno;
    }
    // Held open: the terminal keeps its raw mode between two programs that open it.
    slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios raw;
    if (slave < 0 || tcgetattr(slave, &raw) < 0) {
        return -errno;
    }
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    if (!state_path("console", link) || !state_path("console.new", fresh)) {
        return -ENAMETOOLONG;
    }
    unlink(fresh);
    if (symlink(name, fresh) < 0 || rename(fresh, link) < 0) {
        return -errno;
    }
    int result = engine_watch(master, ENGINE_FIRST, on_input, NULL);
    if (result == 0) {
        result = engine_watch(request_timer, ENGINE_FIRST, on_request_timer, NULL);
    }
    if (result == 0) {
        result = engine_watch(stop_event, ENGINE_FIRST, on_stop, NULL);
    }
    printf("console %s\n", name);
    fflush(stdout);
    return result;
}

int console_read(void) {
    for (;;) {
        if (stopping) {
            return CTRL_D;
        }
        int c = -1;
        engine_enter();
        if (input_head != input_tail) {
            c = input[input_tail++ % INPUT_MAX];
        } else {
            engine_signal_clear(&input_ready);
        }
        engine_exit();
        if (c >= 0) {
            return c;
        }
        mp_handle_pending(false); // an interrupt that came too late interrupts nothing
        struct pollfd wait = { .fd = input_ready.fd, .events = POLLIN };
        poll(&wait, 1, -1);
    }
}

bool console_readable(void) {
    return input_head != input_tail;
}

/// All of it, or what a reader takes. With nobody reading, the oldest text gives way to the newest.
static void write_pty(const char *text, size_t length) {
    bool flushed = false;
    while (length > 0) {
        ssize_t written = write(master, text, length);
        if (written > 0) {
            text += written;
            length -= (size_t)written;
            continue;
        }
        if (written < 0 && errno != EAGAIN && errno != EINTR) {
            return;
        }
        struct pollfd wait = { .fd = master, .events = POLLOUT };
        int ready = poll(&wait, 1, reader_gone ? 0 : READER_PATIENCE_MS);
        if (ready > 0) {
            reader_gone = false;
        } else if (ready == 0) {
            if (flushed) {
                return; // even an emptied buffer takes nothing
            }
            reader_gone = flushed = true;
            tcflush(slave, TCIFLUSH);
        }
    }
}

static void write_out(const char *text, size_t length) {
    while (length > 0) {
        // A pipe that is ready takes this much without waiting (PIPE_BUF); one that is full loses it.
        size_t part = length < PIPE_BUF ? length : PIPE_BUF;
        struct pollfd ready = { .fd = STDOUT_FILENO, .events = POLLOUT };
        if (poll(&ready, 1, 0) <= 0 || write(STDOUT_FILENO, text, part) < 0) {
            return;
        }
        text += part;
        length -= part;
    }
}

void console_write(const char *text, size_t length, bool cooked) {
    if (phone_runs || logging) {
        write_out(text, length);
    }
    if (!cooked) {
        write_pty(text, length);
        return;
    }
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t part = end != NULL ? (size_t)(end - text) : length;
        write_pty(text, part);
        if (end != NULL) {
            write_pty("\r\n", 2);
            ++part;
        }
        text += part;
        length -= part;
    }
}

void console_set_interrupt_char(int c) {
    engine_enter();
    interrupt_char = c;
    engine_exit();
}

void console_log(bool on) {
    logging = on;
}

void console_phone_begins(void) {
    engine_enter();
    engine_signal_clear(&requested);
    phone_runs = true;
    if (stopping) {
        engine_signal_raise(&requested);
    }
    engine_exit();
}

void console_phone_ended(void) {
    engine_enter();
    phone_runs = false;
    engine_signal_clear(&requested);
    if (!stopping) {
        arm(0);
    }
    engine_exit();
}
