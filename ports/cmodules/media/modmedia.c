// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module media (media.pyi). The logic is in media_core.c and its neighbours.

#include <string.h>

#include "media/modmedia.h"
#include "net6/modnet6.h"
#include "py/runtime.h"
#include "speaker/speaker_core.h"
#include "voicecodecs/opus_voice.h"
#include "voicecodecs/voicecodecs_core.h"

static void *get_endpoint(mp_obj_t endpoint_in) {
    void *endpoint = net6_endpoint_of(endpoint_in);
    if (endpoint == NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("an open Endpoint is needed"));
    }
    return endpoint;
}

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
        ARG_rtcp_port,
        ARG_require_secure,
        ARG_clock
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
        { MP_QSTR_require_secure, MP_ARG_KW_ONLY | MP_ARG_BOOL, { .u_bool = false } },
        { MP_QSTR_clock, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_obj_t rtcp = args[ARG_rtcp].u_obj;
    mp_obj_t rtcp_port = args[ARG_rtcp_port].u_obj;
    struct media_config config = {
        .ops = &net6_packet_ops,
        .rtp = get_endpoint(args[ARG_rtp].u_obj),
        .rtcp = rtcp == mp_const_none ? NULL : get_endpoint(rtcp),
        .port = (uint16_t)modmedia_get_bounded(args[ARG_port].u_obj, 0xffff),
        .codec = modmedia_get_codec(args[ARG_codec].u_obj, (uint32_t)args[ARG_clock].u_int),
        .payload_type = (uint8_t)modmedia_get_bounded(args[ARG_payload_type].u_obj, 127),
        .ssrc = (uint32_t)mp_obj_get_int_truncated(args[ARG_ssrc].u_obj),
        .sequence = (uint16_t)modmedia_get_bounded(args[ARG_sequence].u_obj, 0xffff),
        .timestamp = (uint32_t)mp_obj_get_int_truncated(args[ARG_timestamp].u_obj),
        .require_secure = args[ARG_require_secure].u_bool,
    };
    config.rtcp_port = rtcp_port == mp_const_none
        ? (uint16_t)(config.port + 1)
        : (uint16_t)modmedia_get_bounded(rtcp_port, 0xffff);
    memcpy(config.peer, net6_get_address(args[ARG_peer].u_obj), sizeof(config.peer));
    modmedia_stream *self = mp_obj_malloc_with_finaliser(modmedia_stream, &modmedia_stream_type);
    self->stream = NULL;
    self->rtp = args[ARG_rtp].u_obj;
    self->rtcp = rtcp;
    modmedia_check(media_open(&self->stream, &config));
    return MP_OBJ_FROM_PTR(self);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(module_open_obj, 4, module_open);

static mp_obj_t module_start(void) {
    return modmedia_check(media_start());
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
                .f1_hz = (uint16_t)modmedia_get_bounded(items[0], TONE_HZ_MAX),
                .f2_hz = (uint16_t)modmedia_get_bounded(items[1], TONE_HZ_MAX),
                .level_dbm0 = (int8_t)level,
                .on_ms = (uint16_t)modmedia_get_bounded(items[3], TONE_MS_MAX),
                .off_ms = (uint16_t)modmedia_get_bounded(items[4], TONE_MS_MAX),
            };
        }
    }
    return modmedia_check(media_tone(&program));
}
static MP_DEFINE_CONST_FUN_OBJ_KW(module_tone_obj, 1, module_tone);

// The engine works in it, the collector must not.
MP_REGISTER_ROOT_POINTER(void *media_speaker_memory);

static mp_obj_t module_speaker(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_echo, ARG_noise, ARG_gain, ARG_delay_ms };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_echo, MP_ARG_KW_ONLY | MP_ARG_BOOL, { .u_bool = false } },
        { MP_QSTR_noise, MP_ARG_KW_ONLY | MP_ARG_BOOL, { .u_bool = false } },
        { MP_QSTR_gain, MP_ARG_KW_ONLY | MP_ARG_BOOL, { .u_bool = false } },
        { MP_QSTR_delay_ms, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(0) } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    struct speaker_config config = {
        .echo = args[ARG_echo].u_bool,
        .noise = args[ARG_noise].u_bool,
        .gain = args[ARG_gain].u_bool,
        .delay_ms = (uint16_t)modmedia_get_bounded(args[ARG_delay_ms].u_obj, SPEAKER_DELAY_MS_MAX),
    };
    if (!speaker_is(&config)) {
        size_t octets = speaker_memory(&config);
        uint8_t *memory = octets == 0 ? NULL : m_new(uint8_t, octets);
        media_speaker(&config, memory);
        // What there was before is the collector's from now on.
        MP_STATE_VM(media_speaker_memory) = memory;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(module_speaker_obj, 0, module_speaker);

static mp_obj_t module_counters(void) {
    struct media_counters c;
    media_counters(&c);
    mp_obj_t d = mp_obj_new_dict(14);
    modmedia_put(d, MP_QSTR_ticks, c.ticks);
    modmedia_put(d, MP_QSTR_late_ticks, c.late_ticks);
    modmedia_put(d, MP_QSTR_worst_late_us, c.worst_late_us);
    modmedia_put(d, MP_QSTR_skipped_frames, c.skipped_frames);
    modmedia_put(d, MP_QSTR_rate, c.rate);
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_running), mp_obj_new_bool(c.running));
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_tone), mp_obj_new_bool(c.tone));
    modmedia_put(d, MP_QSTR_streams, c.streams);
    modmedia_put(d, MP_QSTR_packets, c.blocks);
    modmedia_put(d, MP_QSTR_datagrams, c.datagrams);
    modmedia_put(d, MP_QSTR_keys, c.keys);
    modmedia_put(d, MP_QSTR_opus, c.opus);
    modmedia_put(d, MP_QSTR_cleaned_frames, c.cleaned_frames);
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_echo_return_loss_db),
        MP_OBJ_NEW_SMALL_INT(c.echo_return_loss_db));
    mp_obj_dict_store(d, MP_OBJ_NEW_QSTR(MP_QSTR_gain_db), MP_OBJ_NEW_SMALL_INT(c.gain_db));
    return d;
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_counters_obj, module_counters);

static const mp_rom_obj_tuple_t codecs_tuple = {
    { &mp_type_tuple },
    5,
    { MP_ROM_QSTR(MP_QSTR_PCMU), MP_ROM_QSTR(MP_QSTR_PCMA), MP_ROM_QSTR(MP_QSTR_G722),
        MP_ROM_QSTR(MP_QSTR_L16), MP_ROM_QSTR(MP_QSTR_opus) },
};

// In the order of enum srtp_core_profile.
static const mp_rom_obj_tuple_t profiles_tuple = {
    { &mp_type_tuple },
    4,
    {
        MP_ROM_QSTR(MP_QSTR_AES_CM_128_HMAC_SHA1_80),
        MP_ROM_QSTR(MP_QSTR_AES_CM_128_HMAC_SHA1_32),
        MP_ROM_QSTR(MP_QSTR_AES_256_CM_HMAC_SHA1_80),
        MP_ROM_QSTR(MP_QSTR_AES_256_CM_HMAC_SHA1_32),
    },
};

static const mp_rom_map_elem_t module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_media) },
    { MP_ROM_QSTR(MP_QSTR_CODECS), MP_ROM_PTR(&codecs_tuple) },
    { MP_ROM_QSTR(MP_QSTR_OPUS_STREAMS), MP_ROM_INT(OPUS_VOICE_PAIRS) },
    { MP_ROM_QSTR(MP_QSTR_SRTP_PROFILES), MP_ROM_PTR(&profiles_tuple) },
    { MP_ROM_QSTR(MP_QSTR_open), MP_ROM_PTR(&module_open_obj) },
    { MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&module_start_obj) },
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&module_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_tone), MP_ROM_PTR(&module_tone_obj) },
    { MP_ROM_QSTR(MP_QSTR_speaker), MP_ROM_PTR(&module_speaker_obj) },
    { MP_ROM_QSTR(MP_QSTR_counters), MP_ROM_PTR(&module_counters_obj) },
};
static MP_DEFINE_CONST_DICT(module_globals, module_globals_table);

const mp_obj_module_t media_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_globals,
};
MP_REGISTER_MODULE(MP_QSTR_media, media_module);
