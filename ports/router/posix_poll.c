// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// posix.Poll (posix.pyi): waits by epoll(7), whose cost is that of what is ready, not of all that is open.

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "modposix.h"
#include "net6/net6_core.h"
#include "net6/net6_stream.h"
#include "py/runtime.h"
#include "py/stream.h"

// Descriptors: those of net6, and some of the program's own. The table does not grow, as a heap in use has
// no room for a long one later.
#define POLL_MAX (NET6_ENDPOINTS + NET6_STREAMS + NET6_LISTENERS + 64)
#define POLL_READY (64) // taken from the kernel at a time; the rest is ready still

typedef struct poll_obj {
    mp_obj_base_t base;
    int fd;
    mp_obj_t calls[POLL_MAX]; // by descriptor; MP_OBJ_NULL: not watched
} poll_obj;

static mp_obj_t poll_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    poll_obj *self = mp_obj_malloc(poll_obj, type);
    for (size_t i = 0; i < POLL_MAX; ++i) {
        self->calls[i] = MP_OBJ_NULL;
    }
    self->fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->fd < 0) {
        mp_raise_OSError(errno);
    }
    return MP_OBJ_FROM_PTR(self);
}

/// The descriptor of an object that has one.
static int get_fd(mp_obj_t what) {
    int error;
    const mp_stream_p_t *stream = mp_get_stream_raise(what, MP_STREAM_OP_IOCTL);
    mp_uint_t fd = stream->ioctl(what, MP_STREAM_GET_FILENO, 0, &error);
    if (fd == MP_STREAM_ERROR) {
        mp_raise_OSError(error);
    }
    if (fd >= POLL_MAX) {
        mp_raise_OSError(EMFILE);
    }
    return (int)fd;
}

static void control(poll_obj *self, int operation, int fd, uint32_t events) {
    struct epoll_event event = { .events = events, .data.fd = fd };
    if (epoll_ctl(self->fd, operation, fd, &event) < 0) {
        mp_raise_OSError(errno);
    }
}

static mp_obj_t poll_watch(mp_obj_t self_in, mp_obj_t what, mp_obj_t call) {
    poll_obj *self = MP_OBJ_TO_PTR(self_in);
    int fd = get_fd(what);
    control(self, EPOLL_CTL_ADD, fd, EPOLLIN);
    self->calls[fd] = call;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(poll_watch_obj, poll_watch);

static mp_obj_t poll_unwatch(mp_obj_t self_in, mp_obj_t what) {
    poll_obj *self = MP_OBJ_TO_PTR(self_in);
    int fd = get_fd(what);
    self->calls[fd] = MP_OBJ_NULL;
    control(self, EPOLL_CTL_DEL, fd, 0);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(poll_unwatch_obj, poll_unwatch);

static mp_obj_t poll_want(mp_obj_t self_in, mp_obj_t what, mp_obj_t room) {
    control(MP_OBJ_TO_PTR(self_in), EPOLL_CTL_MOD, get_fd(what),
        EPOLLIN | (mp_obj_is_true(room) ? EPOLLOUT : 0));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(poll_want_obj, poll_want);

static mp_obj_t poll_wait(mp_obj_t self_in, mp_obj_t ms_in) {
    poll_obj *self = MP_OBJ_TO_PTR(self_in);
    struct epoll_event ready[POLL_READY];
    mp_int_t ms = mp_obj_get_int(ms_in);
    int count = epoll_wait(self->fd, ready, POLL_READY, ms > INT32_MAX ? INT32_MAX : (int)ms);
    if (count < 0 && errno != EINTR) {
        mp_raise_OSError(errno);
    }
    for (int i = 0; i < count; ++i) {
        // Closed by a call before: none. Opened anew by one: nothing waits there, which does no harm.
        mp_obj_t call = self->calls[ready[i].data.fd];
        if (call != MP_OBJ_NULL) {
            mp_call_function_1(call, MP_OBJ_NEW_SMALL_INT(ready[i].events));
        }
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(poll_wait_obj, poll_wait);

static const mp_rom_map_elem_t poll_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_watch), MP_ROM_PTR(&poll_watch_obj) },
    { MP_ROM_QSTR(MP_QSTR_unwatch), MP_ROM_PTR(&poll_unwatch_obj) },
    { MP_ROM_QSTR(MP_QSTR_want), MP_ROM_PTR(&poll_want_obj) },
    { MP_ROM_QSTR(MP_QSTR_wait), MP_ROM_PTR(&poll_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_OUT), MP_ROM_INT(EPOLLOUT) },
};
static MP_DEFINE_CONST_DICT(poll_locals, poll_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(posix_poll_type, MP_QSTR_Poll, MP_TYPE_FLAG_NONE, make_new, poll_make_new,
    locals_dict, &poll_locals);
