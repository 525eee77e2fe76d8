// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module _board of this port: what boards/UNIX_HOST/board.py stands on.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "engine/modsignal.h"
#include "engine_unix.h"
#include "extmod/vfs.h"
#include "extmod/vfs_rom.h"
#include "port_unix.h"
#include "py/cstack.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/objarray.h"
#include "py/runtime.h"
#include "py/stream.h"

static char **restart_argv;
static int restart_directory = -1; // a relative path among the arguments counts from here

void board_unix_init(char **argv) {
    restart_argv = argv;
    restart_directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int vox6_entropy(uint8_t *buffer, size_t length) {
    while (length > 0) {
        ssize_t got = getrandom(buffer, length, 0);
        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        if (got > 0) {
            buffer += got;
            length -= (size_t)got;
        }
    }
    return 0;
}

/// Starts the program anew in the same process: what a reset is to a board.
static void restart(void) {
    sigset_t none;
    struct sched_param ordinary = { 0 };
    sigemptyset(&none);
    pthread_sigmask(
        SIG_SETMASK, &none, NULL); // the engine thread has all blocked, and its priority
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &ordinary);
    if (fchdir(restart_directory) < 0) {
        _exit(1);
    }
    execv("/proc/self/exe", restart_argv);
    _exit(1);
}

// --- panel: STATE/panel.sock, one client, the newest ------------------------------------------
// VM context alone. What poll(2) sees is an epoll descriptor that holds listener and client, so that
// it stays the same when clients come and go.

static int panel_listener = -1, panel_client = -1, panel_epoll = -1;
static bool
    panel_fresh; // a client has come: an LF goes before its octets, to end an old half line

static int panel_open(void) {
    if (panel_epoll >= 0) {
        return 0;
    }
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char path[PATH_MAX], directory[PATH_MAX];
    int result = -MP_ENODEV;
    if (!state_path("panel.sock", path)) {
        return result;
    }
    panel_epoll = epoll_create1(EPOLL_CLOEXEC);
    panel_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    // A socket's name holds 107 octets; a longer directory is reached through its descriptor.
    int dir = -1;
    if (strlen(path) >= sizeof(address.sun_path)) {
        dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        snprintf(directory, sizeof(directory), "/proc/self/fd/%d/panel.sock", dir);
        strcpy(address.sun_path, directory);
    } else {
        strcpy(address.sun_path, path);
    }
    unlink(path);
    struct epoll_event event = { .events = EPOLLIN };
    if (panel_epoll < 0 || panel_listener < 0
        || bind(panel_listener, (struct sockaddr *)&address, sizeof(address)) < 0
        || listen(panel_listener, 4) < 0
        || epoll_ctl(panel_epoll, EPOLL_CTL_ADD, panel_listener, &event) < 0) {
        result = -errno;
        close(panel_listener);
        close(panel_epoll);
        panel_listener = panel_epoll = -1;
    } else {
        result = 0;
    }
    if (dir >= 0) {
        close(dir);
    }
    return result;
}

static void panel_drop_client(void) {
    if (panel_client >= 0) {
        close(panel_client); // which takes it out of the epoll set, too
        panel_client = -1;
    }
}

/// A soft reset: the host connects again and greets the phone that comes.
void board_unix_deinit(void) {
    panel_drop_client();
    panel_fresh = false;
}

static void panel_accept(void) {
    int fd;
    while ((fd = accept4(panel_listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        panel_drop_client();
        struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP };
        if (epoll_ctl(panel_epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
            close(fd);
            continue;
        }
        panel_client = fd;
        panel_fresh = true;
    }
}

/// At most one line at a time: while lines wait the descriptor stays readable, so that a reader that
/// takes one event and polls again misses none.
static mp_uint_t panel_read(mp_obj_t self, void *buffer, mp_uint_t size, int *errcode) {
    (void)self;
    int result = panel_open();
    if (result < 0) {
        *errcode = -result;
        return MP_STREAM_ERROR;
    }
    panel_accept();
    if (panel_fresh && size > 0) {
        panel_fresh = false;
        *(uint8_t *)buffer = '\n';
        return 1;
    }
    if (panel_client >= 0) {
        ssize_t got = recv(panel_client, buffer, size, MSG_DONTWAIT | MSG_PEEK);
        if (got > 0) {
            const uint8_t *end = memchr(buffer, '\n', (size_t)got);
            got = end != NULL ? end + 1 - (uint8_t *)buffer : got;
            got = recv(panel_client, buffer, (size_t)got, MSG_DONTWAIT);
        }
        if (got > 0) {
            return (mp_uint_t)got;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            panel_drop_client();
        }
    }
    *errcode = MP_EAGAIN;
    return MP_STREAM_ERROR;
}

/// Without a client octets are lost: whoever comes is told the whole state.
static mp_uint_t panel_write(mp_obj_t self, const void *buffer, mp_uint_t size, int *errcode) {
    (void)self;
    int result = panel_open();
    if (result < 0) {
        *errcode = -result;
        return MP_STREAM_ERROR;
    }
    panel_accept();
    if (panel_client < 0) {
        return size;
    }
    ssize_t put = send(panel_client, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) {
        return (mp_uint_t)put;
    }
    if (errno == EAGAIN || errno == EINTR) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    panel_drop_client();
    return size;
}

static mp_uint_t panel_ioctl(mp_obj_t self, mp_uint_t request, uintptr_t arg, int *errcode) {
    (void)self;
    int result = panel_open();
    if (result < 0) {
        *errcode = -result;
        return MP_STREAM_ERROR;
    }
    if (request == MP_STREAM_GET_FILENO) {
        return (mp_uint_t)panel_epoll;
    }
    if (request == MP_STREAM_POLL) {
        struct epoll_event event;
        bool readable = panel_fresh || epoll_wait(panel_epoll, &event, 1, 0) > 0;
        return arg & (MP_STREAM_POLL_WR | (readable ? MP_STREAM_POLL_RD : 0));
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static mp_obj_t panel_fileno(mp_obj_t self) {
    int error = 0;
    mp_uint_t fd = panel_ioctl(self, MP_STREAM_GET_FILENO, 0, &error);
    if (fd == MP_STREAM_ERROR) {
        mp_raise_OSError(error);
    }
    return MP_OBJ_NEW_SMALL_INT(fd);
}
static MP_DEFINE_CONST_FUN_OBJ_1(panel_fileno_obj, panel_fileno);

static const mp_rom_map_elem_t panel_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&mp_stream_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&mp_stream_write1_obj) },
    { MP_ROM_QSTR(MP_QSTR_fileno), MP_ROM_PTR(&panel_fileno_obj) },
};
static MP_DEFINE_CONST_DICT(panel_locals, panel_locals_table);

static const mp_stream_p_t panel_stream = {
    .read = panel_read,
    .write = panel_write,
    .ioctl = panel_ioctl,
};

static MP_DEFINE_CONST_OBJ_TYPE(panel_type, MP_QSTR_Panel, MP_TYPE_FLAG_NONE, protocol,
    &panel_stream, locals_dict, &panel_locals);

static const mp_obj_base_t panel_obj = { &panel_type };

// --- the rest ---------------------------------------------------------------------------------

static mp_obj_t board_entropy(mp_obj_t count_in) {
    mp_int_t count = mp_obj_get_int(count_in);
    if (count < 0) {
        mp_raise_ValueError(NULL);
    }
    vstr_t octets;
    vstr_init_len(&octets, (size_t)count);
    if (vox6_entropy((uint8_t *)octets.buf, octets.len) < 0) {
        mp_raise_OSError(MP_EIO);
    }
    return mp_obj_new_bytes_from_vstr(&octets);
}
static MP_DEFINE_CONST_FUN_OBJ_1(board_entropy_obj, board_entropy);

static mp_obj_t board_utc(void) {
    return mp_obj_new_int_from_ll(time(NULL));
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_utc_obj, board_utc);

static mp_obj_t board_reset(void) {
    restart();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_reset_obj, board_reset);

static int watchdog_timer = -1;
static mp_int_t watchdog_ms;

static void on_watchdog(int fd, void *arg) {
    (void)fd;
    (void)arg;
    static const char text[] = "vox6-phone: watchdog: restart\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)written;
    restart();
}

static void watchdog_arm(void) {
    struct itimerspec when = { .it_value = { watchdog_ms / 1000, watchdog_ms % 1000 * 1000000 } };
    timerfd_settime(watchdog_timer, 0, &when, NULL);
}

static mp_obj_t board_watchdog(mp_obj_t ms_in) {
    mp_int_t ms = mp_obj_get_int(ms_in);
    if (ms <= 0) {
        mp_raise_ValueError(NULL);
    }
    watchdog_ms = ms;
    if (watchdog_timer < 0) {
        watchdog_timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        int result = watchdog_timer < 0 ? -errno : engine_start();
        if (result == 0) {
            result = engine_watch(watchdog_timer, ENGINE_FIRST, on_watchdog, NULL);
        }
        if (result < 0) {
            mp_raise_OSError(-result);
        }
    }
    watchdog_arm();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(board_watchdog_obj, board_watchdog);

static mp_obj_t board_feed(void) {
    if (watchdog_timer >= 0) {
        watchdog_arm();
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_feed_obj, board_feed);

static signal_obj requested_obj = { { &signal_type }, NULL };

static mp_obj_t board_console_requested(void) {
    requested_obj.signal = console_requested();
    return MP_OBJ_FROM_PTR(&requested_obj);
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_console_requested_obj, board_console_requested);

static mp_obj_t board_halt(mp_obj_t text_in) {
    const char *text = mp_obj_str_get_str(text_in);
    fprintf(stderr, "vox6-phone: halted: %s\n", text);
    mp_hal_stdout_tx_str("halted: ");
    mp_hal_stdout_tx_str(text);
    mp_hal_stdout_tx_str("\r\n");
    exit(1);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(board_halt_obj, board_halt);

extern char __executable_start, etext, edata, __bss_start, end;

static mp_obj_t board_memory(void) {
    mp_obj_t dict = mp_obj_new_dict(4);
    mp_obj_dict_store(
        dict, MP_OBJ_NEW_QSTR(MP_QSTR_text), mp_obj_new_int(&etext - &__executable_start));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_data), mp_obj_new_int(&__bss_start - &etext));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_bss), mp_obj_new_int(&end - &__bss_start));
    mp_obj_dict_store(
        dict, MP_OBJ_NEW_QSTR(MP_QSTR_stack_used), mp_obj_new_int_from_uint(mp_cstack_usage()));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_memory_obj, board_memory);

static mp_obj_t board_state(void) {
    return mp_obj_new_str_from_cstr(state_dir);
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_state_obj, board_state);

static const mp_rom_map_elem_t module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__board) },
    { MP_ROM_QSTR(MP_QSTR_panel), MP_ROM_PTR(&panel_obj) },
    { MP_ROM_QSTR(MP_QSTR_entropy), MP_ROM_PTR(&board_entropy_obj) },
    { MP_ROM_QSTR(MP_QSTR_utc), MP_ROM_PTR(&board_utc_obj) },
    { MP_ROM_QSTR(MP_QSTR_reset), MP_ROM_PTR(&board_reset_obj) },
    { MP_ROM_QSTR(MP_QSTR_watchdog), MP_ROM_PTR(&board_watchdog_obj) },
    { MP_ROM_QSTR(MP_QSTR_feed), MP_ROM_PTR(&board_feed_obj) },
    { MP_ROM_QSTR(MP_QSTR_console_requested), MP_ROM_PTR(&board_console_requested_obj) },
    { MP_ROM_QSTR(MP_QSTR_halt), MP_ROM_PTR(&board_halt_obj) },
    { MP_ROM_QSTR(MP_QSTR_memory), MP_ROM_PTR(&board_memory_obj) },
    { MP_ROM_QSTR(MP_QSTR_state), MP_ROM_PTR(&board_state_obj) },
};
static MP_DEFINE_CONST_DICT(module_globals, module_globals_table);

const mp_obj_module_t board_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_globals,
};
MP_REGISTER_MODULE(MP_QSTR__board, board_module);

// --- resume() ---------------------------------------------------------------------------------

static mp_obj_t builtin_resume(void) {
    phone_run();
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_0(vox6_resume_obj, builtin_resume);

// --- ROMFS in STATE/rom.img -------------------------------------------------------------------

#define ROM_OCTETS (1024 * 1024) // as on the emulated board
#define ROM_WRITE_MIN (4) // writes are multiples of this

static mp_obj_array_t rom_view = { { &mp_type_memoryview }, 'B', 0, 0, NULL };

/// Maps the file, making it when it is not there. Returns 0 or a negative errno.
static int rom_open(void) {
    char path[PATH_MAX];
    struct stat status;
    if (rom_view.items != NULL) {
        return 0;
    }
    if (!state_path("rom.img", path)) {
        return -MP_ENODEV;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return -errno;
    }
    int result = 0;
    if (fstat(fd, &status) < 0 || (status.st_size < ROM_OCTETS && ftruncate(fd, ROM_OCTETS) < 0)) {
        result = -errno;
        goto out;
    }
    void *map = mmap(NULL, ROM_OCTETS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        result = -errno;
        goto out;
    }
    rom_view.items = map;
    rom_view.len = ROM_OCTETS;
out:
    close(fd);
    return result;
}

mp_obj_t mp_vfs_rom_ioctl(size_t n_args, const mp_obj_t *args) {
    mp_int_t request = mp_obj_get_int(args[0]);
    int result = rom_open();
    if (request == MP_VFS_ROM_IOCTL_GET_NUMBER_OF_SEGMENTS) {
        return MP_OBJ_NEW_SMALL_INT(result == 0 ? 1 : 0);
    }
    if (result < 0) {
        return MP_OBJ_NEW_SMALL_INT(result);
    }
    if (n_args < 2 || mp_obj_get_int(args[1]) != 0) {
        return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    }
    if (request == MP_VFS_ROM_IOCTL_GET_SEGMENT) {
        return MP_OBJ_FROM_PTR(&rom_view);
    }
    if (request == MP_VFS_ROM_IOCTL_WRITE_PREPARE && n_args == 3) {
        mp_int_t length = mp_obj_get_int(args[2]);
        if (length < 0 || length > ROM_OCTETS) {
            return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
        }
        memset(rom_view.items, 0xff, (size_t)length);
        return MP_OBJ_NEW_SMALL_INT(ROM_WRITE_MIN);
    }
    if (request == MP_VFS_ROM_IOCTL_WRITE && n_args == 4) {
        mp_int_t offset = mp_obj_get_int(args[2]);
        mp_buffer_info_t data;
        mp_get_buffer_raise(args[3], &data, MP_BUFFER_READ);
        if (offset < 0 || offset > ROM_OCTETS || data.len > (size_t)(ROM_OCTETS - offset)) {
            return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
        }
        memcpy((uint8_t *)rom_view.items + offset, data.buf, data.len);
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    if (request == MP_VFS_ROM_IOCTL_WRITE_COMPLETE) {
        return MP_OBJ_NEW_SMALL_INT(msync(rom_view.items, ROM_OCTETS, MS_SYNC) < 0 ? -errno : 0);
    }
    return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
}
