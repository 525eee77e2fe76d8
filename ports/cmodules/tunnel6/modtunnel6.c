// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module tunnel6 (tunnel6.pyi). The logic is in tunnel6_core.c, tunnel6_netif.c, ipv4_*.c.

#include <string.h>

#include "engine/modsignal.h"
#include "net6/modnet6.h"
#include "net6/net6_lwip.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "tunnel6/ipv4.h"
#include "tunnel6/tunnel6_netif.h"

static void check(int result) {
    if (result < 0) {
        mp_raise_OSError(-result);
    }
}

static uint16_t get_port(mp_obj_t object) {
    mp_int_t port = mp_obj_get_int(object);
    if (port < 0 || port > 0xffff) {
        mp_raise_ValueError(MP_ERROR_TEXT("port out of range"));
    }
    return (uint16_t)port;
}

static mp_obj_t module_start_ipv4(void) {
    check(tunnel6_ipv4_start());
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_start_ipv4_obj, module_start_ipv4);

static mp_obj_t mapped(const uint8_t v4[4]) {
    uint8_t address[16] = { [10] = 0xff, [11] = 0xff };
    memcpy(address + 12, v4, 4);
    return mp_obj_new_bytes(address, sizeof(address));
}

static mp_obj_t module_ipv4(void) {
    struct tunnel6_ipv4 ipv4;
    if (!tunnel6_ipv4(&ipv4)) {
        return mp_const_none;
    }
    mp_obj_t servers = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < ipv4.server_count; ++i) {
        mp_obj_list_append(servers, mapped(ipv4.servers[i]));
    }
    mp_obj_t items[5] = {
        mapped(ipv4.address),
        MP_OBJ_NEW_SMALL_INT(ipv4.prefix_length),
        ipv4.has_router ? mapped(ipv4.router) : mp_const_none,
        servers,
        mp_obj_new_str(ipv4.domain, strlen(ipv4.domain)),
    };
    return mp_obj_new_tuple(5, items);
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_ipv4_obj, module_ipv4);

static mp_obj_t module_attach(mp_obj_t endpoint_in) {
    struct net6_endpoint *endpoint = net6_endpoint_of(endpoint_in);
    if (endpoint == NULL || !net6_is_v4_mapped(endpoint->local)) {
        mp_raise_ValueError(MP_ERROR_TEXT("not an open IPv4 endpoint"));
    }
    check(tunnel6_attach(endpoint));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_attach_obj, module_attach);

static mp_obj_t module_detach(void) {
    check(tunnel6_attach(NULL));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_detach_obj, module_detach);

static mp_obj_t module_configure(size_t n_args, const mp_obj_t *pos, mp_map_t *kw) {
    enum { ARG_address, ARG_server, ARG_port, ARG_keepalive };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_address, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_server, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_port, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(TUNNEL6_SERVER_PORT) } },
        { MP_QSTR_keepalive, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos, kw, MP_ARRAY_SIZE(allowed), allowed, args);
    if (args[ARG_address].u_obj == mp_const_none) {
        static const uint8_t nobody[16];
        check(tunnel6_set_address(NULL, nobody, 0, nobody));
        return mp_const_none;
    }
    const uint8_t *address = net6_get_address(args[ARG_address].u_obj);
    const uint8_t *server = net6_get_address(args[ARG_server].u_obj);
    const uint8_t *keepalive = net6_get_address(args[ARG_keepalive].u_obj);
    if (!net6_is_v4_mapped(server)) {
        mp_raise_ValueError(MP_ERROR_TEXT("server is not of IPv4"));
    }
    check(tunnel6_set_address(address, server, get_port(args[ARG_port].u_obj), keepalive));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(module_configure_obj, 1, module_configure);

static mp_obj_t module_prefer(mp_obj_t preferred_in) {
    tunnel6_prefer(mp_obj_is_true(preferred_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_prefer_obj, module_prefer);

static enum tunnel6_martians get_martians(mp_obj_t object) {
    static const struct {
        qstr name;
        enum tunnel6_martians martians;
    } policies[] = {
        { MP_QSTR_strict, TUNNEL6_STRICT },
        { MP_QSTR_private, TUNNEL6_PRIVATE },
        { MP_QSTR_lab, TUNNEL6_LAB },
    };
    if (object == mp_const_none) {
        return TUNNEL6_ANY;
    }
    qstr name = mp_obj_str_get_qstr(object);
    for (size_t i = 0; i < MP_ARRAY_SIZE(policies); ++i) {
        if (policies[i].name == name) {
            return policies[i].martians;
        }
    }
    mp_raise_ValueError(MP_ERROR_TEXT("no such policy"));
}

static mp_obj_t module_set_prefixes(size_t n_args, const mp_obj_t *args) {
    size_t count;
    mp_obj_t *items;
    uint8_t prefixes[TUNNEL6_PREFIXES][8];
    mp_obj_get_array(args[0], &count, &items);
    if (count > TUNNEL6_PREFIXES) {
        mp_raise_ValueError(MP_ERROR_TEXT("too many prefixes"));
    }
    for (size_t i = 0; i < count; ++i) {
        mp_buffer_info_t buffer;
        mp_get_buffer_raise(items[i], &buffer, MP_BUFFER_READ);
        if (buffer.len != 8) {
            mp_raise_ValueError(MP_ERROR_TEXT("a prefix is 8 octets"));
        }
        memcpy(prefixes[i], buffer.buf, 8);
    }
    check(tunnel6_prepare());
    enum tunnel6_martians martians = n_args > 1 ? get_martians(args[1]) : TUNNEL6_ANY;
    check(tunnel6_set_prefixes((const uint8_t (*)[8])prefixes, count, martians));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(module_set_prefixes_obj, 1, 2, module_set_prefixes);

static mp_obj_t module_set_peer(size_t n_args, const mp_obj_t *args) {
    const uint8_t *address = net6_get_address(args[0]);
    const uint8_t *peer = args[1] == mp_const_none ? NULL : net6_get_address(args[1]);
    check(tunnel6_set_peer(address, peer, n_args > 2 ? get_port(args[2]) : 0));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(module_set_peer_obj, 2, 3, module_set_peer);

static mp_obj_t module_peers(void) {
    struct tunnel6_peer peers[TUNNEL6_PEERS];
    size_t count = tunnel6_peers(peers);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < count; ++i) {
        mp_obj_t items[3] = {
            mp_obj_new_bytes(peers[i].address, 16),
            mp_obj_new_int_from_uint(peers[i].sent),
            mp_obj_new_int_from_uint(peers[i].received),
        };
        mp_obj_list_append(list, mp_obj_new_tuple(3, items));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_peers_obj, module_peers);

static mp_obj_t module_wanted(void) {
    uint8_t wanted[TUNNEL6_WANTED][16];
    check(tunnel6_prepare());
    size_t count = tunnel6_wanted(wanted);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < count; ++i) {
        mp_obj_list_append(list, mp_obj_new_bytes(wanted[i], 16));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_wanted_obj, module_wanted);

static signal_obj wanted_signal = { { &signal_type }, NULL };

static mp_obj_t module_signal(void) {
    check(tunnel6_prepare());
    wanted_signal.signal = tunnel6_signal();
    return MP_OBJ_FROM_PTR(&wanted_signal);
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_signal_obj, module_signal);

static mp_obj_t module_counters(void) {
    struct tunnel6_counters count;
    tunnel6_count(&count);
    const struct {
        qstr name;
        uint32_t value;
    } rows[] = {
        { MP_QSTR_sent_server, count.sent_server },
        { MP_QSTR_sent_direct, count.sent_direct },
        { MP_QSTR_received_server, count.received_server },
        { MP_QSTR_received_direct, count.received_direct },
        { MP_QSTR_dropped, count.dropped },
        { MP_QSTR_queued, count.queued },
        { MP_QSTR_foreign, count.foreign },
        { MP_QSTR_malformed, count.malformed },
        { MP_QSTR_strangers, count.strangers },
        { MP_QSTR_discovery, count.discovery },
        { MP_QSTR_keepalives, count.keepalives },
        { MP_QSTR_not_sent, count.not_sent },
    };
    mp_obj_t dict = mp_obj_new_dict(MP_ARRAY_SIZE(rows));
    for (size_t i = 0; i < MP_ARRAY_SIZE(rows); ++i) {
        mp_obj_dict_store(
            dict, MP_OBJ_NEW_QSTR(rows[i].name), mp_obj_new_int_from_uint(rows[i].value));
    }
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_counters_obj, module_counters);

static const mp_rom_map_elem_t module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_tunnel6) },
    { MP_ROM_QSTR(MP_QSTR_INDEX), MP_ROM_INT(NET6_TUNNEL_SCOPE) },
    { MP_ROM_QSTR(MP_QSTR_start_ipv4), MP_ROM_PTR(&module_start_ipv4_obj) },
    { MP_ROM_QSTR(MP_QSTR_ipv4), MP_ROM_PTR(&module_ipv4_obj) },
    { MP_ROM_QSTR(MP_QSTR_attach), MP_ROM_PTR(&module_attach_obj) },
    { MP_ROM_QSTR(MP_QSTR_detach), MP_ROM_PTR(&module_detach_obj) },
    { MP_ROM_QSTR(MP_QSTR_configure), MP_ROM_PTR(&module_configure_obj) },
    { MP_ROM_QSTR(MP_QSTR_prefer), MP_ROM_PTR(&module_prefer_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_prefixes), MP_ROM_PTR(&module_set_prefixes_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_peer), MP_ROM_PTR(&module_set_peer_obj) },
    { MP_ROM_QSTR(MP_QSTR_peers), MP_ROM_PTR(&module_peers_obj) },
    { MP_ROM_QSTR(MP_QSTR_wanted), MP_ROM_PTR(&module_wanted_obj) },
    { MP_ROM_QSTR(MP_QSTR_signal), MP_ROM_PTR(&module_signal_obj) },
    { MP_ROM_QSTR(MP_QSTR_counters), MP_ROM_PTR(&module_counters_obj) },
};
static MP_DEFINE_CONST_DICT(module_globals, module_globals_table);

const mp_obj_module_t tunnel6_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_globals,
};
MP_REGISTER_MODULE(MP_QSTR_tunnel6, tunnel6_module);
