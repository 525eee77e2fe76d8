// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module net6 (net6.pyi). The logic is in net6_core.c and net6_text.c.

#include "net6/modnet6.h"

#include <string.h>

#include "engine/modsignal.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"

typedef struct endpoint_obj {
    mp_obj_base_t base;
    struct net6_endpoint *endpoint; // NULL: closed
    struct net6_meta meta; // of the datagram last read
} endpoint_obj;

extern const mp_obj_type_t net6_endpoint_type;

static signal_obj changed_obj = { { &signal_type }, NULL };

void *net6_endpoint_of(mp_obj_t object) {
    if (!mp_obj_is_type(object, &net6_endpoint_type)) {
        return NULL;
    }
    return ((endpoint_obj *)MP_OBJ_TO_PTR(object))->endpoint;
}

const uint8_t *net6_get_address(mp_obj_t object) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(object, &buffer, MP_BUFFER_READ);
    if (buffer.len != 16) {
        mp_raise_ValueError(MP_ERROR_TEXT("an address is 16 octets"));
    }
    return buffer.buf;
}

uint16_t net6_get_port(mp_obj_t object) {
    mp_int_t port = mp_obj_get_int(object);
    if (port < 0 || port > 0xffff) {
        mp_raise_ValueError(MP_ERROR_TEXT("port out of range"));
    }
    return (uint16_t)port;
}

static struct net6_endpoint *get_open(mp_obj_t self_in) {
    endpoint_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->endpoint == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self->endpoint;
}

static void check(int result) {
    if (result < 0) {
        mp_raise_OSError(-result);
    }
}

static mp_obj_t endpoint_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *all_args) {
    enum { ARG_local, ARG_port, ARG_queue };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_local, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_port, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(0) } },
        { MP_QSTR_queue, MP_ARG_INT | MP_ARG_KW_ONLY, { .u_int = 8 } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, all_args, MP_ARRAY_SIZE(allowed), allowed, args);
    static const uint8_t unspecified[16];
    const uint8_t *local = args[ARG_local].u_obj == mp_const_none
        ? unspecified
        : net6_get_address(args[ARG_local].u_obj);
    uint16_t port = net6_get_port(args[ARG_port].u_obj);
    mp_int_t queue = args[ARG_queue].u_int;
    if (queue < 1 || queue > NET6_QUEUE_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("queue out of range"));
    }
    endpoint_obj *self = mp_obj_malloc_with_finaliser(endpoint_obj, type);
    self->endpoint = NULL;
    memset(&self->meta, 0, sizeof(self->meta));
    int result = net6_open(&self->endpoint, local, port, (size_t)queue);
    if (NET6_COLLECT && (result == -MP_ENOMEM || result == -MP_EADDRINUSE)) {
        gc_collect(); // an endpoint that nobody refers to any more may stand in the way
        result = net6_open(&self->endpoint, local, port, (size_t)queue);
    }
    check(result);
    return MP_OBJ_FROM_PTR(self);
}

static void endpoint_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    endpoint_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->endpoint == NULL) {
        mp_print_str(print, "<Endpoint closed>");
        return;
    }
    char text[NET6_TEXT_MAX];
    net6_to_text(self->endpoint->local, text);
    mp_printf(print, "<Endpoint [%s]:%u>", text, self->endpoint->port);
}

static void endpoint_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return; // nothing can be stored
    }
    if (attr == MP_QSTR_port) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(get_open(self_in)->port);
    } else if (attr == MP_QSTR_local) {
        dest[0] = mp_obj_new_bytes(get_open(self_in)->local, 16);
    } else {
        dest[1] = MP_OBJ_SENTINEL; // a method
    }
}

static mp_obj_t endpoint_recv_into(mp_obj_t self_in, mp_obj_t buffer_in) {
    endpoint_obj *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(buffer_in, &buffer, MP_BUFFER_WRITE);
    int length = net6_read(get_open(self_in), buffer.buf, buffer.len, &self->meta);
    if (length == -MP_EAGAIN) {
        return mp_const_none;
    }
    check(length);
    mp_obj_t items[3] = {
        MP_OBJ_NEW_SMALL_INT(length),
        mp_obj_new_bytes(self->meta.peer, 16),
        MP_OBJ_NEW_SMALL_INT(self->meta.peer_port),
    };
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_2(endpoint_recv_into_obj, endpoint_recv_into);

static mp_obj_t endpoint_meta(mp_obj_t self_in) {
    endpoint_obj *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t items[3] = {
        mp_obj_new_bytes(self->meta.local, 16),
        MP_OBJ_NEW_SMALL_INT(self->meta.traffic_class),
        mp_obj_new_int_from_ull(self->meta.time_us),
    };
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(endpoint_meta_obj, endpoint_meta);

static mp_obj_t endpoint_send(size_t n_args, const mp_obj_t *pos, mp_map_t *kw) {
    enum { ARG_data, ARG_address, ARG_port, ARG_local, ARG_hop_limit, ARG_traffic_class };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_data, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_address, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_port, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_local, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_hop_limit, MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_traffic_class, MP_ARG_INT, { .u_int = NET6_USUAL } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos + 1, kw, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_buffer_info_t data;
    mp_get_buffer_raise(args[ARG_data].u_obj, &data, MP_BUFFER_READ);
    const uint8_t *peer = net6_get_address(args[ARG_address].u_obj);
    uint16_t port = net6_get_port(args[ARG_port].u_obj);
    mp_int_t hop_limit = args[ARG_hop_limit].u_int;
    if (hop_limit < 0 || hop_limit > 255) {
        mp_raise_ValueError(MP_ERROR_TEXT("hop limit out of range"));
    }
    mp_int_t traffic_class = args[ARG_traffic_class].u_int;
    if (traffic_class < NET6_USUAL || traffic_class > 255) {
        mp_raise_ValueError(MP_ERROR_TEXT("traffic class out of range"));
    }
    struct net6_way way = { .hop_limit = (uint8_t)hop_limit,
        .traffic_class = (int16_t)traffic_class };
    if (args[ARG_local].u_obj != mp_const_none) {
        way.local = net6_get_address(args[ARG_local].u_obj);
    }
    check(net6_send(get_open(pos[0]), data.buf, data.len, peer, port, &way));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(endpoint_send_obj, 4, endpoint_send);

static mp_obj_t endpoint_move(mp_obj_t self_in, mp_obj_t local_in) {
    net6_move(get_open(self_in), local_in == mp_const_none ? NULL : net6_get_address(local_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(endpoint_move_obj, endpoint_move);

static mp_obj_t endpoint_set_traffic_class(mp_obj_t self_in, mp_obj_t value_in) {
    mp_int_t value = mp_obj_get_int(value_in);
    if (value < 0 || value > 255) {
        mp_raise_ValueError(MP_ERROR_TEXT("traffic class out of range"));
    }
    check(net6_set_traffic_class(get_open(self_in), (uint8_t)value));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(endpoint_set_traffic_class_obj, endpoint_set_traffic_class);

static mp_obj_t endpoint_join(size_t n_args, const mp_obj_t *args) {
    const uint8_t *group = net6_get_address(args[1]);
    mp_int_t scope = n_args > 2 ? mp_obj_get_int(args[2]) : 0;
    if (scope < 0 || scope > 0xffff) {
        mp_raise_ValueError(MP_ERROR_TEXT("scope out of range"));
    }
    check(net6_join(get_open(args[0]), group, (uint32_t)scope));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(endpoint_join_obj, 2, 3, endpoint_join);

static mp_obj_t endpoint_counters(mp_obj_t self_in) {
    engine_enter();
    endpoint_obj *self = MP_OBJ_TO_PTR(self_in);
    struct net6_counters counters = { 0 };
    if (self->endpoint != NULL) {
        counters = self->endpoint->counters;
    }
    engine_exit();
    get_open(self_in);
    mp_obj_t items[5] = {
        mp_obj_new_int_from_uint(counters.received),
        mp_obj_new_int_from_uint(counters.sent),
        mp_obj_new_int_from_uint(counters.dropped_queue),
        mp_obj_new_int_from_uint(counters.dropped_size),
        mp_obj_new_int_from_uint(counters.errors),
    };
    return mp_obj_new_tuple(5, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(endpoint_counters_obj, endpoint_counters);

static mp_obj_t endpoint_close(mp_obj_t self_in) {
    endpoint_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->endpoint != NULL) {
        net6_close(self->endpoint);
        self->endpoint = NULL;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(endpoint_close_obj, endpoint_close);

static mp_uint_t endpoint_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    endpoint_obj *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_CLOSE) {
        endpoint_close(self_in);
        return 0;
    }
    if (self->endpoint == NULL) {
        if (request == MP_STREAM_POLL) {
            return MP_STREAM_POLL_NVAL;
        }
        *errcode = MP_EBADF;
        return MP_STREAM_ERROR;
    }
    return signal_ioctl(&self->endpoint->readable, request, arg, errcode);
}

static const mp_rom_map_elem_t endpoint_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&endpoint_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_recv_into), MP_ROM_PTR(&endpoint_recv_into_obj) },
    { MP_ROM_QSTR(MP_QSTR_meta), MP_ROM_PTR(&endpoint_meta_obj) },
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&endpoint_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_move), MP_ROM_PTR(&endpoint_move_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_traffic_class), MP_ROM_PTR(&endpoint_set_traffic_class_obj) },
    { MP_ROM_QSTR(MP_QSTR_join), MP_ROM_PTR(&endpoint_join_obj) },
    { MP_ROM_QSTR(MP_QSTR_counters), MP_ROM_PTR(&endpoint_counters_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&endpoint_close_obj) },
};
static MP_DEFINE_CONST_DICT(endpoint_locals, endpoint_locals_table);

static const mp_stream_p_t endpoint_stream = {
    .ioctl = endpoint_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(net6_endpoint_type, MP_QSTR_Endpoint, MP_TYPE_FLAG_NONE, make_new,
    endpoint_make_new, print, endpoint_print, attr, endpoint_attr, protocol, &endpoint_stream,
    locals_dict, &endpoint_locals);

static mp_obj_t module_addresses(void) {
    static const qstr_short_t states[] = { MP_QSTR_tentative, MP_QSTR_preferred,
        MP_QSTR_deprecated };
    struct net6_address addresses[NET6_ADDRESSES];
    size_t count = net6_addresses(addresses, NET6_ADDRESSES);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < count; ++i) {
        mp_obj_t items[6] = {
            mp_obj_new_bytes(addresses[i].address, 16),
            MP_OBJ_NEW_SMALL_INT(addresses[i].prefix_length),
            MP_OBJ_NEW_QSTR(states[addresses[i].state]),
            mp_obj_new_int_from_uint(addresses[i].preferred_s),
            mp_obj_new_int_from_uint(addresses[i].valid_s),
            MP_OBJ_NEW_SMALL_INT(addresses[i].scope),
        };
        mp_obj_list_append(list, mp_obj_new_tuple(6, items));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_addresses_obj, module_addresses);

// Seconds of a lifetime: 0..0xffffffff.
static uint32_t get_seconds(mp_obj_t object) {
    if (mp_obj_is_small_int(object) && MP_OBJ_SMALL_INT_VALUE(object) >= 0) {
        return (uint32_t)MP_OBJ_SMALL_INT_VALUE(object);
    }
    return (uint32_t)mp_obj_get_int_truncated(object);
}

static mp_obj_t module_add_address(mp_obj_t address_in, mp_obj_t preferred_in, mp_obj_t valid_in) {
    const uint8_t *address = net6_get_address(address_in);
    check(net6_add_address(address, get_seconds(preferred_in), get_seconds(valid_in)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(module_add_address_obj, module_add_address);

static mp_obj_t module_remove_address(mp_obj_t address_in) {
    check(net6_remove_address(net6_get_address(address_in)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_remove_address_obj, module_remove_address);

static mp_obj_t module_router_flags(void) {
    int flags = net6_router_flags();
    if (flags < 0) {
        return mp_const_none;
    }
    mp_obj_t items[2] = {
        mp_obj_new_bool(flags & NET6_MANAGED),
        mp_obj_new_bool(flags & NET6_OTHER),
    };
    return mp_obj_new_tuple(2, items);
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_router_flags_obj, module_router_flags);

static mp_obj_t module_servers(void) {
    uint8_t servers[NET6_SERVERS][16];
    size_t count = net6_servers(servers, NET6_SERVERS);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < count; ++i) {
        mp_obj_list_append(list, mp_obj_new_bytes(servers[i], 16));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_servers_obj, module_servers);

static mp_obj_t module_changed(void) {
    check(engine_start());
    changed_obj.signal = net6_changed();
    return MP_OBJ_FROM_PTR(&changed_obj);
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_changed_obj, module_changed);

static mp_obj_t module_text(mp_obj_t address_in) {
    char text[NET6_TEXT_MAX];
    size_t length = net6_to_text(net6_get_address(address_in), text);
    return mp_obj_new_str(text, length);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_text_obj, module_text);

static mp_obj_t module_parse(mp_obj_t text_in) {
    size_t length;
    const char *text = mp_obj_str_get_data(text_in, &length);
    uint8_t address[16];
    if (net6_from_text(text, length, address) < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("not an IPv6 address"));
    }
    return mp_obj_new_bytes(address, 16);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_parse_obj, module_parse);

static mp_obj_t module_use(void) {
    struct net6_use use;
    net6_use(&use);
    mp_obj_t items[4] = {
        MP_OBJ_NEW_SMALL_INT(use.endpoints),
        MP_OBJ_NEW_SMALL_INT(use.datagrams),
        MP_OBJ_NEW_SMALL_INT(use.blocks),
        MP_OBJ_NEW_SMALL_INT(use.blocks_most),
    };
    return mp_obj_new_tuple(4, items);
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_use_obj, module_use);

static const mp_rom_map_elem_t module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_net6) },
    { MP_ROM_QSTR(MP_QSTR_Endpoint), MP_ROM_PTR(&net6_endpoint_type) },
    { MP_ROM_QSTR(MP_QSTR_Stream), MP_ROM_PTR(&net6_stream_type) },
    { MP_ROM_QSTR(MP_QSTR_Listener), MP_ROM_PTR(&net6_listener_type) },
    { MP_ROM_QSTR(MP_QSTR_counters), MP_ROM_PTR(&net6_counters_obj) },
    { MP_ROM_QSTR(MP_QSTR_addresses), MP_ROM_PTR(&module_addresses_obj) },
    { MP_ROM_QSTR(MP_QSTR_add_address), MP_ROM_PTR(&module_add_address_obj) },
    { MP_ROM_QSTR(MP_QSTR_remove_address), MP_ROM_PTR(&module_remove_address_obj) },
    { MP_ROM_QSTR(MP_QSTR_router_flags), MP_ROM_PTR(&module_router_flags_obj) },
    { MP_ROM_QSTR(MP_QSTR_changed), MP_ROM_PTR(&module_changed_obj) },
    { MP_ROM_QSTR(MP_QSTR_servers), MP_ROM_PTR(&module_servers_obj) },
    { MP_ROM_QSTR(MP_QSTR_text), MP_ROM_PTR(&module_text_obj) },
    { MP_ROM_QSTR(MP_QSTR_parse), MP_ROM_PTR(&module_parse_obj) },
    { MP_ROM_QSTR(MP_QSTR_use), MP_ROM_PTR(&module_use_obj) },
    { MP_ROM_QSTR(MP_QSTR_DATAGRAM_MAX), MP_ROM_INT(NET6_DATAGRAM_MAX) },
};
static MP_DEFINE_CONST_DICT(module_globals, module_globals_table);

const mp_obj_module_t net6_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_globals,
};
MP_REGISTER_MODULE(MP_QSTR_net6, net6_module);
