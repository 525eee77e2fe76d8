// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module media (media.pyi). The logic is in media_core.c.

#include <string.h>

#include "engine/modsignal.h"
#include "media/media_core.h"
#include "net6/modnet6.h"
#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "voicecodecs/voicecodecs_core.h"

typedef struct stream_obj {
    mp_obj_base_t base;
    struct media_stream *stream; // NULL: closed
    mp_obj_t rtp; // kept alive: media reads them
    mp_obj_t rtcp;
} stream_obj;

static const mp_obj_type_t stream_type;

static struct media_stream *get_open(mp_obj_t self_in) {
    stream_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->stream == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self->stream;
}

static mp_obj_t check(int result) {
    if (result == -MP_EINVAL) {
        mp_raise_ValueError(MP_ERROR_TEXT("out of range"));
    }
    if (result < 0) {
        mp_raise_OSError(-result);
    }
    return mp_const_none;
}

static int get_codec(mp_obj_t name_in) {
    size_t length;
    const char *name = mp_obj_str_get_data(name_in, &length);
    int codec = voice_codec_find(name, length);
    if (codec < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("unknown codec"));
    }
    return codec;
}

static uint32_t get_bounded(mp_obj_t value_in, mp_int_t most) {
    mp_int_t value = mp_obj_get_int(value_in);
    if (value < 0 || value > most) {
        mp_raise_ValueError(MP_ERROR_TEXT("out of range"));
    }
    return (uint32_t)value;
}

static void *get_endpoint(mp_obj_t endpoint_in) {
    void *endpoint = net6_endpoint_of(endpoint_in);
    if (endpoint == NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("an open Endpoint is needed"));
    }
    return endpoint;
}

static mp_obj_t stream_accept(mp_obj_t self_in, mp_obj_t payload_type, mp_obj_t codec) {
    return check(media_accept(
        get_open(self_in), (uint8_t)get_bounded(payload_type, 127), get_codec(codec)));
}
static MP_DEFINE_CONST_FUN_OBJ_3(stream_accept_obj, stream_accept);

static mp_obj_t stream_set_peer(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    const uint8_t *peer = net6_get_address(args[1]);
    uint16_t port = (uint16_t)get_bounded(args[2], 0xffff);
    uint16_t rtcp_port = (uint16_t)get_bounded(args[3], 0xffff);
    media_set_peer(get_open(args[0]), peer, port, rtcp_port);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(stream_set_peer_obj, 4, 4, stream_set_peer);

static mp_obj_t stream_set_codec(mp_obj_t self_in, mp_obj_t codec, mp_obj_t payload_type) {
    return check(media_set_codec(
        get_open(self_in), get_codec(codec), (uint8_t)get_bounded(payload_type, 127)));
}
static MP_DEFINE_CONST_FUN_OBJ_3(stream_set_codec_obj, stream_set_codec);

static mp_obj_t stream_set_direction(mp_obj_t self_in, mp_obj_t send, mp_obj_t receive) {
    media_set_direction(get_open(self_in), mp_obj_is_true(send), mp_obj_is_true(receive));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(stream_set_direction_obj, stream_set_direction);

static mp_obj_t stream_join(mp_obj_t self_in, mp_obj_t joined) {
    return check(media_join(get_open(self_in), mp_obj_is_true(joined)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_join_obj, stream_join);

static void put(mp_obj_t dict, qstr name, uint32_t value) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(name), mp_obj_new_int_from_uint(value));
}

static mp_obj_t stream_statistics(mp_obj_t self_in) {
    struct media_statistics s;
    media_statistics(get_open(self_in), &s);
    mp_obj_t d = mp_obj_new_dict(30);
    put(d, MP_QSTR_sent, s.sent);
    put(d, MP_QSTR_sent_octets, s.sent_octets);
    put(d, MP_QSTR_send_errors, s.send_errors);
    put(d, MP_QSTR_received, s.received);
    put(d, MP_QSTR_received_octets, s.received_octets);
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_lost), mp_obj_new_int(s.lost));
    put(d, MP_QSTR_duplicated, s.duplicated);
    put(d, MP_QSTR_reordered, s.reordered);
    put(d, MP_QSTR_late, s.late);
    put(d, MP_QSTR_discarded, s.discarded);
    put(d, MP_QSTR_concealed, s.concealed);
    put(d, MP_QSTR_stretched, s.stretched);
    put(d, MP_QSTR_jitter, s.jitter);
    put(d, MP_QSTR_highest_sequence, s.highest_sequence);
    put(d, MP_QSTR_base_sequence, s.base_sequence);
    mp_obj_t ssrc = s.remote_ssrc_known ? mp_obj_new_int_from_uint(s.remote_ssrc) : mp_const_none;
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_ssrc), ssrc);
    put(d, MP_QSTR_restarts, s.restarts);
    put(d, MP_QSTR_last_sr, s.last_sr);
    mp_obj_dict_store(
        d, MP_OBJ_NEW_QSTR(MP_QSTR_last_sr_us), mp_obj_new_int_from_ull(s.last_sr_us));
    put(d, MP_QSTR_delay_ms, s.delay_ms);
    put(d, MP_QSTR_target_ms, s.target_ms);
    put(d, MP_QSTR_strangers, s.strangers);
    put(d, MP_QSTR_malformed, s.malformed);
    put(d, MP_QSTR_unaccepted, s.unaccepted);
    put(d, MP_QSTR_looped, s.looped);
    put(d, MP_QSTR_queue_dropped, s.queue_dropped);
    put(d, MP_QSTR_port, s.port);
    put(d, MP_QSTR_rtcp_port, s.rtcp_port);
    return d;
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_statistics_obj, stream_statistics);

static mp_obj_t stream_receive_into(mp_obj_t self_in, mp_obj_t buffer_in) {
    struct media_stream *stream = get_open(self_in);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(buffer_in, &buffer, MP_BUFFER_WRITE);
    uint8_t peer[16];
    uint16_t port;
    enum media_kind kind;
    int length = media_receive(stream, buffer.buf, buffer.len, peer, &port, &kind);
    if (length == -MP_EAGAIN) {
        return mp_const_none;
    }
    check(length);
    mp_obj_t items[4] = {
        MP_OBJ_NEW_SMALL_INT(length),
        mp_obj_new_bytes(peer, 16),
        MP_OBJ_NEW_SMALL_INT(port),
        kind == MEDIA_KIND_RTCP ? MP_OBJ_NEW_QSTR(MP_QSTR_rtcp) : MP_OBJ_NEW_QSTR(MP_QSTR_other),
    };
    return mp_obj_new_tuple(4, items);
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_receive_into_obj, stream_receive_into);

static mp_obj_t stream_send_rtcp(mp_obj_t self_in, mp_obj_t data_in) {
    mp_buffer_info_t data;
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    int result = media_send(get_open(self_in), true, data.buf, data.len);
    if (result < 0) {
        mp_raise_OSError(-result);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_send_rtcp_obj, stream_send_rtcp);

static mp_obj_t stream_send_raw(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_data, ARG_rtcp };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_data, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_rtcp, MP_ARG_BOOL, { .u_bool = false } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_buffer_info_t data;
    mp_get_buffer_raise(args[ARG_data].u_obj, &data, MP_BUFFER_READ);
    int result = media_send(get_open(pos_args[0]), args[ARG_rtcp].u_bool, data.buf, data.len);
    if (result < 0) {
        mp_raise_OSError(-result);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(stream_send_raw_obj, 2, stream_send_raw);

static mp_obj_t stream_timestamp_now(mp_obj_t self_in) {
    uint32_t timestamp;
    uint64_t time_us;
    media_timestamp_now(get_open(self_in), &timestamp, &time_us);
    mp_obj_t items[2] = { mp_obj_new_int_from_uint(timestamp), mp_obj_new_int_from_ull(time_us) };
    return mp_obj_new_tuple(2, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_timestamp_now_obj, stream_timestamp_now);

static mp_obj_t stream_close(mp_obj_t self_in) {
    stream_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->stream != NULL) {
        media_close(self->stream);
        self->stream = NULL;
        self->rtp = mp_const_none;
        self->rtcp = mp_const_none;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_close_obj, stream_close);

static mp_uint_t stream_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    stream_obj *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_CLOSE) {
        stream_close(self_in);
        return 0;
    }
    if (self->stream == NULL) {
        if (request == MP_STREAM_POLL) {
            return MP_STREAM_POLL_NVAL;
        }
        *errcode = MP_EBADF;
        return MP_STREAM_ERROR;
    }
    return signal_ioctl(media_signal(self->stream), request, arg, errcode);
}

static const mp_rom_map_elem_t stream_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_accept), MP_ROM_PTR(&stream_accept_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_peer), MP_ROM_PTR(&stream_set_peer_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_codec), MP_ROM_PTR(&stream_set_codec_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_direction), MP_ROM_PTR(&stream_set_direction_obj) },
    { MP_ROM_QSTR(MP_QSTR_join), MP_ROM_PTR(&stream_join_obj) },
    { MP_ROM_QSTR(MP_QSTR_statistics), MP_ROM_PTR(&stream_statistics_obj) },
    { MP_ROM_QSTR(MP_QSTR_receive_into), MP_ROM_PTR(&stream_receive_into_obj) },
    { MP_ROM_QSTR(MP_QSTR_send_rtcp), MP_ROM_PTR(&stream_send_rtcp_obj) },
    { MP_ROM_QSTR(MP_QSTR_send_raw), MP_ROM_PTR(&stream_send_raw_obj) },
    { MP_ROM_QSTR(MP_QSTR_timestamp_now), MP_ROM_PTR(&stream_timestamp_now_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&stream_close_obj) },
};
static MP_DEFINE_CONST_DICT(stream_locals, stream_locals_table);

static const mp_stream_p_t stream_stream = {
    .ioctl = stream_ioctl,
};

static MP_DEFINE_CONST_OBJ_TYPE(stream_type, MP_QSTR_Stream, MP_TYPE_FLAG_NONE, protocol,
    &stream_stream, locals_dict, &stream_locals);

static mp_obj_t module_open(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_rtp,
        ARG_rtcp,
        ARG_peer,
        ARG_port,
        ARG_codec,
        ARG_payload_type,
        ARG_ssrc,
        ARG_sequence,
        ARG_timestamp,
        ARG_rtcp_port
    };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_rtp, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_rtcp, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_peer, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_port, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_codec, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_QSTR(MP_QSTR_PCMU) } },
        { MP_QSTR_payload_type, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(0) } },
        { MP_QSTR_ssrc, MP_ARG_KW_ONLY | MP_ARG_REQUIRED | MP_ARG_OBJ,
            { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_sequence, MP_ARG_KW_ONLY | MP_ARG_REQUIRED | MP_ARG_OBJ,
            { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_timestamp, MP_ARG_KW_ONLY | MP_ARG_REQUIRED | MP_ARG_OBJ,
            { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_rtcp_port, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_obj_t rtcp = args[ARG_rtcp].u_obj;
    mp_obj_t rtcp_port = args[ARG_rtcp_port].u_obj;
    struct media_config config = {
        .ops = &net6_packet_ops,
        .rtp = get_endpoint(args[ARG_rtp].u_obj),
        .rtcp = rtcp == mp_const_none ? NULL : get_endpoint(rtcp),
        .port = (uint16_t)get_bounded(args[ARG_port].u_obj, 0xffff),
        .codec = get_codec(args[ARG_codec].u_obj),
        .payload_type = (uint8_t)get_bounded(args[ARG_payload_type].u_obj, 127),
        .ssrc = (uint32_t)mp_obj_get_int_truncated(args[ARG_ssrc].u_obj),
        .sequence = (uint16_t)get_bounded(args[ARG_sequence].u_obj, 0xffff),
        .timestamp = (uint32_t)mp_obj_get_int_truncated(args[ARG_timestamp].u_obj),
    };
    config.rtcp_port = rtcp_port == mp_const_none ? (uint16_t)(config.port + 1)
                                                  : (uint16_t)get_bounded(rtcp_port, 0xffff);
    memcpy(config.peer, net6_get_address(args[ARG_peer].u_obj), sizeof(config.peer));
    stream_obj *self = mp_obj_malloc_with_finaliser(stream_obj, &stream_type);
    self->stream = NULL;
    self->rtp = args[ARG_rtp].u_obj;
    self->rtcp = rtcp;
    check(media_open(&self->stream, &config));
    return MP_OBJ_FROM_PTR(self);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(module_open_obj, 4, module_open);

static mp_obj_t module_start(void) {
    return check(media_start());
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_start_obj, module_start);

static mp_obj_t module_stop(void) {
    media_stop();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_stop_obj, module_stop);

static mp_obj_t module_tone(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_segments, ARG_repeat };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_segments, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_repeat, MP_ARG_BOOL, { .u_bool = true } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    struct tone_program program = { .repeat = args[ARG_repeat].u_bool };
    if (args[ARG_segments].u_obj != mp_const_none) {
        size_t count;
        mp_obj_t *segments;
        mp_obj_get_array(args[ARG_segments].u_obj, &count, &segments);
        if (count > TONE_SEGMENTS) {
            mp_raise_ValueError(MP_ERROR_TEXT("too many segments"));
        }
        program.count = (uint8_t)count;
        for (size_t i = 0; i < count; i++) {
            mp_obj_t *items;
            mp_obj_get_array_fixed_n(segments[i], 5, &items);
            mp_int_t level = mp_obj_get_int(items[2]);
            if (level < TONE_DBM0_MIN || level > TONE_DBM0_MAX) {
                mp_raise_ValueError(MP_ERROR_TEXT("out of range"));
            }
            program.segments[i] = (struct tone_segment){
                .f1_hz = (uint16_t)get_bounded(items[0], TONE_HZ_MAX),
                .f2_hz = (uint16_t)get_bounded(items[1], TONE_HZ_MAX),
                .level_dbm0 = (int8_t)level,
                .on_ms = (uint16_t)get_bounded(items[3], TONE_MS_MAX),
                .off_ms = (uint16_t)get_bounded(items[4], TONE_MS_MAX),
            };
        }
    }
    return check(media_tone(&program));
}
static MP_DEFINE_CONST_FUN_OBJ_KW(module_tone_obj, 1, module_tone);

static mp_obj_t module_counters(void) {
    struct media_counters c;
    media_counters(&c);
    mp_obj_t d = mp_obj_new_dict(10);
    put(d, MP_QSTR_ticks, c.ticks);
    put(d, MP_QSTR_late_ticks, c.late_ticks);
    put(d, MP_QSTR_worst_late_us, c.worst_late_us);
    put(d, MP_QSTR_skipped_frames, c.skipped_frames);
    put(d, MP_QSTR_rate, c.rate);
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_running), mp_obj_new_bool(c.running));
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_tone), mp_obj_new_bool(c.tone));
    put(d, MP_QSTR_streams, c.streams);
    put(d, MP_QSTR_packets, c.blocks);
    put(d, MP_QSTR_datagrams, c.datagrams);
    return d;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_counters_obj, module_counters);

static const mp_rom_obj_tuple_t codecs_tuple = {
    { &mp_type_tuple },
    3,
    { MP_ROM_QSTR(MP_QSTR_PCMU), MP_ROM_QSTR(MP_QSTR_PCMA), MP_ROM_QSTR(MP_QSTR_G722) },
};

static const mp_rom_map_elem_t module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_media) },
    { MP_ROM_QSTR(MP_QSTR_CODECS), MP_ROM_PTR(&codecs_tuple) },
    { MP_ROM_QSTR(MP_QSTR_open), MP_ROM_PTR(&module_open_obj) },
    { MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&module_start_obj) },
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&module_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_tone), MP_ROM_PTR(&module_tone_obj) },
    { MP_ROM_QSTR(MP_QSTR_counters), MP_ROM_PTR(&module_counters_obj) },
};
static MP_DEFINE_CONST_DICT(module_globals, module_globals_table);

const mp_obj_module_t media_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_globals,
};
MP_REGISTER_MODULE(MP_QSTR_media, media_module);
