// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// media.Stream (media.pyi).

#include "media/modmedia.h"

#include <string.h>
#include <strings.h>

#include "engine/modsignal.h"
#include "media/event.h"
#include "net6/modnet6.h"
#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "srtp/srtp_core.h"
#include "voicecodecs/voicecodecs_core.h"

static struct media_stream *get_open(mp_obj_t self_in) {
    modmedia_stream *self = MP_OBJ_TO_PTR(self_in);
    if (self->stream == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self->stream;
}

mp_obj_t modmedia_check(int result) {
    if (result == -MP_EINVAL) {
        mp_raise_ValueError(MP_ERROR_TEXT("out of range"));
    }
    if (result < 0) {
        mp_raise_OSError(-result);
    }
    return mp_const_none;
}

int modmedia_get_codec(mp_obj_t name_in, uint32_t clock) {
    size_t length;
    const char *name = mp_obj_str_get_data(name_in, &length);
    int codec = voice_codec_find(name, length, clock);
    if (codec < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("unknown codec"));
    }
    return codec;
}

uint32_t modmedia_get_bounded(mp_obj_t value_in, mp_int_t most) {
    mp_int_t value = mp_obj_get_int(value_in);
    if (value < 0 || value > most) {
        mp_raise_ValueError(MP_ERROR_TEXT("out of range"));
    }
    return (uint32_t)value;
}

// A codec, or what goes beside one (RFC 4733, RFC 3389).
static int get_format(mp_obj_t name_in, uint32_t clock) {
    static const char event[] = "telephone-event", noise[] = "CN";
    size_t length;
    const char *name = mp_obj_str_get_data(name_in, &length);
    if (length == sizeof(event) - 1 && strncasecmp(name, event, length) == 0) {
        return MEDIA_EVENT;
    }
    if (length == sizeof(noise) - 1 && strncasecmp(name, noise, length) == 0) {
        return MEDIA_NOISE;
    }
    return modmedia_get_codec(name_in, clock);
}

static mp_obj_t stream_accept(size_t n_args, const mp_obj_t *args) {
    uint32_t clock = n_args > 3 ? modmedia_get_bounded(args[3], INT32_MAX) : 0;
    return modmedia_check(media_accept(get_open(args[0]),
        (uint8_t)modmedia_get_bounded(args[1], 127), get_format(args[2], clock), clock));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(stream_accept_obj, 3, 4, stream_accept);

static mp_obj_t stream_send_event(size_t n_args, const mp_obj_t *args) {
    uint32_t volume = n_args > 3 ? modmedia_get_bounded(args[3], EVENT_VOLUME_MAX) : 10;
    return modmedia_check(
        media_send_event(get_open(args[0]), (uint8_t)modmedia_get_bounded(args[1], 255),
            modmedia_get_bounded(args[2], EVENT_MS_MAX), (uint8_t)volume));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(stream_send_event_obj, 3, 4, stream_send_event);

static mp_obj_t stream_next_event(mp_obj_t self_in) {
    uint8_t event;
    uint32_t ms;
    if (!media_next_event(get_open(self_in), &event, &ms)) {
        return mp_const_none;
    }
    mp_obj_t items[2] = { MP_OBJ_NEW_SMALL_INT(event), mp_obj_new_int_from_uint(ms) };
    return mp_obj_new_tuple(2, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_next_event_obj, stream_next_event);

static mp_obj_t stream_set_peer(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    const uint8_t *peer = net6_get_address(args[1]);
    uint16_t port = (uint16_t)modmedia_get_bounded(args[2], 0xffff);
    uint16_t rtcp_port = (uint16_t)modmedia_get_bounded(args[3], 0xffff);
    media_set_peer(get_open(args[0]), peer, port, rtcp_port);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(stream_set_peer_obj, 4, 4, stream_set_peer);

static mp_obj_t stream_set_codec(size_t n_args, const mp_obj_t *args) {
    uint32_t clock = n_args > 3 ? modmedia_get_bounded(args[3], INT32_MAX) : 0;
    return modmedia_check(media_set_codec(get_open(args[0]), modmedia_get_codec(args[1], clock),
        (uint8_t)modmedia_get_bounded(args[2], 127)));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(stream_set_codec_obj, 3, 4, stream_set_codec);

static mp_obj_t stream_tune(mp_obj_t self_in, mp_obj_t bit_rate, mp_obj_t loss_percent) {
    return modmedia_check(media_tune(get_open(self_in), modmedia_get_bounded(bit_rate, INT32_MAX),
        modmedia_get_bounded(loss_percent, 100)));
}
static MP_DEFINE_CONST_FUN_OBJ_3(stream_tune_obj, stream_tune);

static mp_obj_t stream_set_direction(mp_obj_t self_in, mp_obj_t send, mp_obj_t receive) {
    media_set_direction(get_open(self_in), mp_obj_is_true(send), mp_obj_is_true(receive));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(stream_set_direction_obj, stream_set_direction);

static mp_obj_t stream_set_ssrc(mp_obj_t self_in, mp_obj_t ssrc) {
    media_set_ssrc(get_open(self_in), (uint32_t)mp_obj_get_int_truncated(ssrc));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_set_ssrc_obj, stream_set_ssrc);

static mp_obj_t stream_join(mp_obj_t self_in, mp_obj_t joined) {
    return modmedia_check(media_join(get_open(self_in), mp_obj_is_true(joined)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_join_obj, stream_join);

void modmedia_put(mp_obj_t dict, qstr name, uint32_t value) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(name), mp_obj_new_int_from_uint(value));
}

static const qstr_short_t profile_names[SRTP_CORE_PROFILES] = {
    MP_QSTR_AES_CM_128_HMAC_SHA1_80,
    MP_QSTR_AES_CM_128_HMAC_SHA1_32,
    MP_QSTR_AES_256_CM_HMAC_SHA1_80,
    MP_QSTR_AES_256_CM_HMAC_SHA1_32,
};

static void put_profile(mp_obj_t dict, qstr name, int profile) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(name),
        profile < 0 ? mp_const_none : MP_OBJ_NEW_QSTR(profile_names[profile]));
}

static mp_obj_t stream_statistics(mp_obj_t self_in) {
    struct media_statistics s;
    media_statistics(get_open(self_in), &s);
    mp_obj_t d = mp_obj_new_dict(39);
    modmedia_put(d, MP_QSTR_sent, s.sent);
    modmedia_put(d, MP_QSTR_sent_octets, s.sent_octets);
    modmedia_put(d, MP_QSTR_send_errors, s.send_errors);
    modmedia_put(d, MP_QSTR_received, s.received);
    modmedia_put(d, MP_QSTR_received_octets, s.received_octets);
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_lost), mp_obj_new_int(s.lost));
    modmedia_put(d, MP_QSTR_duplicated, s.duplicated);
    modmedia_put(d, MP_QSTR_reordered, s.reordered);
    modmedia_put(d, MP_QSTR_late, s.late);
    modmedia_put(d, MP_QSTR_discarded, s.discarded);
    modmedia_put(d, MP_QSTR_concealed, s.concealed);
    modmedia_put(d, MP_QSTR_recovered, s.recovered);
    modmedia_put(d, MP_QSTR_stretched, s.stretched);
    mp_obj_t bursts[MP_ARRAY_SIZE(s.bursts)];
    for (size_t i = 0; i < MP_ARRAY_SIZE(bursts); i++) {
        bursts[i] = mp_obj_new_int_from_uint(s.bursts[i]);
    }
    mp_obj_dict_store(
        d, MP_OBJ_NEW_QSTR(MP_QSTR_bursts), mp_obj_new_tuple(MP_ARRAY_SIZE(bursts), bursts));
    modmedia_put(d, MP_QSTR_jitter, s.jitter);
    modmedia_put(d, MP_QSTR_highest_sequence, s.highest_sequence);
    modmedia_put(d, MP_QSTR_base_sequence, s.base_sequence);
    mp_obj_t ssrc = s.remote_ssrc_known ? mp_obj_new_int_from_uint(s.remote_ssrc) : mp_const_none;
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_ssrc), ssrc);
    modmedia_put(d, MP_QSTR_restarts, s.restarts);
    modmedia_put(d, MP_QSTR_last_sr, s.last_sr);
    mp_obj_dict_store(
        d, MP_OBJ_NEW_QSTR(MP_QSTR_last_sr_us), mp_obj_new_int_from_ull(s.last_sr_us));
    modmedia_put(d, MP_QSTR_delay_ms, s.delay_ms);
    modmedia_put(d, MP_QSTR_target_ms, s.target_ms);
    modmedia_put(d, MP_QSTR_strangers, s.strangers);
    modmedia_put(d, MP_QSTR_malformed, s.malformed);
    modmedia_put(d, MP_QSTR_unaccepted, s.unaccepted);
    modmedia_put(d, MP_QSTR_looped, s.looped);
    modmedia_put(d, MP_QSTR_queue_dropped, s.queue_dropped);
    modmedia_put(d, MP_QSTR_events_sent, s.events_sent);
    modmedia_put(d, MP_QSTR_events_received, s.events_received);
    modmedia_put(d, MP_QSTR_port, s.port);
    modmedia_put(d, MP_QSTR_rtcp_port, s.rtcp_port);
    put_profile(d, MP_QSTR_srtp_send, s.srtp_send);
    put_profile(d, MP_QSTR_srtp_receive, s.srtp_receive);
    modmedia_put(d, MP_QSTR_srtp_received, s.srtp_received);
    modmedia_put(d, MP_QSTR_srtp_failed, s.srtp_failed);
    modmedia_put(d, MP_QSTR_srtp_replayed, s.srtp_replayed);
    modmedia_put(d, MP_QSTR_srtp_clear, s.srtp_clear);
    return d;
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_statistics_obj, stream_statistics);

static mp_obj_t stream_secure(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t key_salt = { 0 };
    qstr direction = mp_obj_str_get_qstr(args[1]);
    int profile = -1;
    if (direction != MP_QSTR_send && direction != MP_QSTR_receive) {
        mp_raise_ValueError(MP_ERROR_TEXT("\"send\" or \"receive\""));
    }
    if (args[2] != mp_const_none) {
        size_t length;
        const char *name = mp_obj_str_get_data(args[2], &length);
        profile = srtp_core_find(name, length);
        if (profile < 0) {
            mp_raise_ValueError(MP_ERROR_TEXT("unknown profile"));
        }
        mp_get_buffer_raise(n_args > 3 ? args[3] : mp_const_none, &key_salt, MP_BUFFER_READ);
    }
    return modmedia_check(media_secure(
        get_open(args[0]), direction == MP_QSTR_send, profile, key_salt.buf, key_salt.len));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(stream_secure_obj, 3, 4, stream_secure);

static mp_obj_t stream_require_secure(mp_obj_t self_in, mp_obj_t required) {
    media_require_secure(get_open(self_in), mp_obj_is_true(required));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_require_secure_obj, stream_require_secure);

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
    modmedia_check(length);
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
    int result = media_send_rtcp(get_open(self_in), data.buf, data.len);
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
    modmedia_stream *self = MP_OBJ_TO_PTR(self_in);
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
    modmedia_stream *self = MP_OBJ_TO_PTR(self_in);
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
    { MP_ROM_QSTR(MP_QSTR_send_event), MP_ROM_PTR(&stream_send_event_obj) },
    { MP_ROM_QSTR(MP_QSTR_next_event), MP_ROM_PTR(&stream_next_event_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_peer), MP_ROM_PTR(&stream_set_peer_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_codec), MP_ROM_PTR(&stream_set_codec_obj) },
    { MP_ROM_QSTR(MP_QSTR_tune), MP_ROM_PTR(&stream_tune_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_direction), MP_ROM_PTR(&stream_set_direction_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_ssrc), MP_ROM_PTR(&stream_set_ssrc_obj) },
    { MP_ROM_QSTR(MP_QSTR_join), MP_ROM_PTR(&stream_join_obj) },
    { MP_ROM_QSTR(MP_QSTR_secure), MP_ROM_PTR(&stream_secure_obj) },
    { MP_ROM_QSTR(MP_QSTR_require_secure), MP_ROM_PTR(&stream_require_secure_obj) },
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

MP_DEFINE_CONST_OBJ_TYPE(modmedia_stream_type, MP_QSTR_Stream, MP_TYPE_FLAG_NONE, protocol,
    &stream_stream, locals_dict, &stream_locals);
