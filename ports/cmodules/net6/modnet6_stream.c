// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6.Stream and net6.Listener (net6.pyi). The logic is in net6_stream.c.

#include <string.h>

#include "net6/modnet6.h"
#include "net6/net6_stream.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"

#if NET6_POLL_IN != MP_STREAM_POLL_RD || NET6_POLL_OUT != MP_STREAM_POLL_WR \
    || NET6_POLL_ERR != MP_STREAM_POLL_ERR || NET6_POLL_HUP != MP_STREAM_POLL_HUP
#error "net6: MicroPython has other values for poll"
#endif

typedef struct stream_obj {
    mp_obj_base_t base;
    struct net6_stream *stream; // NULL: closed
} stream_obj;

typedef struct listener_obj {
    mp_obj_base_t base;
    struct net6_listener *listener; // NULL: closed
} listener_obj;

static struct net6_stream *get_stream(mp_obj_t self_in) {
    stream_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->stream == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self->stream;
}

static struct net6_listener *get_listener(mp_obj_t self_in) {
    listener_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->listener == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self->listener;
}

static void check(int result) {
    if (result < 0) {
        mp_raise_OSError(-result);
    }
}

static const uint8_t *get_address_or_null(mp_obj_t object) {
    return object == mp_const_none ? NULL : net6_get_address(object);
}

static mp_obj_t pair(const uint8_t address[16], uint16_t port) {
    mp_obj_t items[2] = { mp_obj_new_bytes(address, 16), MP_OBJ_NEW_SMALL_INT(port) };
    return mp_obj_new_tuple(2, items);
}

// ---------------------------------------------------------------------------------------------
// Stream

static mp_obj_t stream_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *all_args) {
    enum { ARG_address, ARG_port, ARG_local, ARG_local_port };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_address, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_port, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_local, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_local_port, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(0) } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, all_args, MP_ARRAY_SIZE(allowed), allowed, args);
    const uint8_t *peer = net6_get_address(args[ARG_address].u_obj);
    uint16_t port = net6_get_port(args[ARG_port].u_obj);
    const uint8_t *local = get_address_or_null(args[ARG_local].u_obj);
    uint16_t local_port = net6_get_port(args[ARG_local_port].u_obj);
    stream_obj *self = mp_obj_malloc_with_finaliser(stream_obj, type);
    self->stream = NULL;
    int result = net6_stream_open(&self->stream, peer, port, local, local_port);
    if (NET6_COLLECT && result == -MP_ENOMEM) {
        gc_collect(); // a stream that nobody refers to any more may stand in the way
        result = net6_stream_open(&self->stream, peer, port, local, local_port);
    }
    check(result);
    return MP_OBJ_FROM_PTR(self);
}

static void stream_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    stream_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->stream == NULL) {
        mp_print_str(print, "<Stream closed>");
        return;
    }
    char text[NET6_TEXT_MAX];
    net6_to_text(self->stream->peer, text);
    mp_printf(print, "<Stream [%s]:%u>", text, self->stream->peer_port);
}

static mp_uint_t of_stream(int result, int *errcode) {
    if (result < 0) {
        *errcode = -result;
        return MP_STREAM_ERROR;
    }
    return (mp_uint_t)result;
}

static mp_uint_t stream_read(mp_obj_t self_in, void *data, mp_uint_t size, int *errcode) {
    stream_obj *self = MP_OBJ_TO_PTR(self_in);
    return of_stream(
        self->stream == NULL ? -MP_EBADF : net6_stream_read(self->stream, data, size), errcode);
}

static mp_uint_t stream_write(mp_obj_t self_in, const void *data, mp_uint_t size, int *errcode) {
    stream_obj *self = MP_OBJ_TO_PTR(self_in);
    return of_stream(
        self->stream == NULL ? -MP_EBADF : net6_stream_write(self->stream, data, size), errcode);
}

static mp_uint_t stream_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    stream_obj *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_CLOSE) {
        if (self->stream != NULL) {
            net6_stream_close(self->stream);
            self->stream = NULL;
        }
        return 0;
    }
    if (self->stream == NULL) {
        *errcode = MP_EBADF;
        return request == MP_STREAM_POLL ? MP_STREAM_POLL_NVAL : MP_STREAM_ERROR;
    }
    if (request == MP_STREAM_POLL) {
        return (mp_uint_t)net6_stream_poll(self->stream, (int)arg);
    }
    if (request == MP_STREAM_GET_FILENO && self->stream->fd >= 0) {
        return (mp_uint_t)self->stream->fd;
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static mp_obj_t stream_local(mp_obj_t self_in) {
    struct net6_stream *stream = get_stream(self_in);
    return pair(stream->local, stream->local_port);
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_local_obj, stream_local);

static mp_obj_t stream_peer(mp_obj_t self_in) {
    struct net6_stream *stream = get_stream(self_in);
    return pair(stream->peer, stream->peer_port);
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_peer_obj, stream_peer);

static mp_obj_t stream_shutdown(mp_obj_t self_in) {
    check(net6_stream_shutdown(get_stream(self_in)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_shutdown_obj, stream_shutdown);

static mp_obj_t stream_set_traffic_class(mp_obj_t self_in, mp_obj_t value_in) {
    mp_int_t value = mp_obj_get_int(value_in);
    if (value < 0 || value > 255) {
        mp_raise_ValueError(MP_ERROR_TEXT("traffic class out of range"));
    }
    check(net6_stream_set_traffic_class(get_stream(self_in), (uint8_t)value));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_set_traffic_class_obj, stream_set_traffic_class);

static const mp_rom_map_elem_t stream_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&mp_stream_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_readline), MP_ROM_PTR(&mp_stream_unbuffered_readline_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&mp_stream_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_shutdown), MP_ROM_PTR(&stream_shutdown_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_local), MP_ROM_PTR(&stream_local_obj) },
    { MP_ROM_QSTR(MP_QSTR_peer), MP_ROM_PTR(&stream_peer_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_traffic_class), MP_ROM_PTR(&stream_set_traffic_class_obj) },
};
static MP_DEFINE_CONST_DICT(stream_locals, stream_locals_table);

static const mp_stream_p_t stream_protocol = {
    .read = stream_read,
    .write = stream_write,
    .ioctl = stream_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(net6_stream_type, MP_QSTR_Stream, MP_TYPE_FLAG_NONE, make_new,
    stream_make_new, print, stream_print, protocol, &stream_protocol, locals_dict, &stream_locals);

// ---------------------------------------------------------------------------------------------
// Listener

static mp_obj_t listener_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *all_args) {
    enum { ARG_address, ARG_port, ARG_backlog };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_address, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_port, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(0) } },
        { MP_QSTR_backlog, MP_ARG_INT, { .u_int = 4 } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, all_args, MP_ARRAY_SIZE(allowed), allowed, args);
    static const uint8_t unspecified[16];
    const uint8_t *local = get_address_or_null(args[ARG_address].u_obj);
    local = local == NULL ? unspecified : local;
    uint16_t port = net6_get_port(args[ARG_port].u_obj);
    int backlog = (int)args[ARG_backlog].u_int;
    if (backlog < 1 || backlog > NET6_BACKLOG_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("backlog out of range"));
    }
    listener_obj *self = mp_obj_malloc_with_finaliser(listener_obj, type);
    self->listener = NULL;
    int result = net6_listen(&self->listener, local, port, backlog);
    if (NET6_COLLECT && (result == -MP_ENOMEM || result == -MP_EADDRINUSE)) {
        gc_collect(); // as for streams
        result = net6_listen(&self->listener, local, port, backlog);
    }
    check(result);
    return MP_OBJ_FROM_PTR(self);
}

static mp_uint_t listener_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    listener_obj *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_CLOSE) {
        if (self->listener != NULL) {
            net6_listener_close(self->listener);
            self->listener = NULL;
        }
        return 0;
    }
    if (self->listener == NULL) {
        *errcode = MP_EBADF;
        return request == MP_STREAM_POLL ? MP_STREAM_POLL_NVAL : MP_STREAM_ERROR;
    }
    if (request == MP_STREAM_POLL) {
        return arg & MP_STREAM_POLL_RD && net6_listener_poll(self->listener) ? MP_STREAM_POLL_RD
                                                                             : 0;
    }
    if (request == MP_STREAM_GET_FILENO && self->listener->fd >= 0) {
        return (mp_uint_t)self->listener->fd;
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static mp_obj_t listener_accept(mp_obj_t self_in) {
    struct net6_listener *listener = get_listener(self_in);
    stream_obj *stream = mp_obj_malloc_with_finaliser(stream_obj, &net6_stream_type);
    stream->stream = NULL;
    int result = net6_accept(listener, &stream->stream);
    if (result == -MP_EAGAIN) {
        return mp_const_none;
    }
    check(result);
    mp_obj_t items[3] = {
        MP_OBJ_FROM_PTR(stream),
        mp_obj_new_bytes(stream->stream->peer, 16),
        MP_OBJ_NEW_SMALL_INT(stream->stream->peer_port),
    };
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(listener_accept_obj, listener_accept);

static mp_obj_t listener_local(mp_obj_t self_in) {
    struct net6_listener *listener = get_listener(self_in);
    return pair(listener->local, listener->port);
}
static MP_DEFINE_CONST_FUN_OBJ_1(listener_local_obj, listener_local);

static const mp_rom_map_elem_t listener_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_accept), MP_ROM_PTR(&listener_accept_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_local), MP_ROM_PTR(&listener_local_obj) },
};
static MP_DEFINE_CONST_DICT(listener_locals, listener_locals_table);

static const mp_stream_p_t listener_protocol = {
    .ioctl = listener_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(net6_listener_type, MP_QSTR_Listener, MP_TYPE_FLAG_NONE, make_new,
    listener_make_new, protocol, &listener_protocol, locals_dict, &listener_locals);

// ---------------------------------------------------------------------------------------------

static void put(mp_obj_t dict, qstr name, uint32_t value) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(name), mp_obj_new_int_from_uint(value));
}

static mp_obj_t net6_counters(void) {
    struct net6_stream_counters counters;
    net6_stream_get_counters(&counters);
    mp_obj_t dict = mp_obj_new_dict(6);
    put(dict, MP_QSTR_connects, counters.connects);
    put(dict, MP_QSTR_accepted, counters.accepted);
    put(dict, MP_QSTR_refused, counters.refused);
    put(dict, MP_QSTR_errors, counters.errors);
    put(dict, MP_QSTR_streams, counters.streams);
    put(dict, MP_QSTR_listeners, counters.listeners);
    return dict;
}
MP_DEFINE_CONST_FUN_OBJ_0(net6_counters_obj, net6_counters);
