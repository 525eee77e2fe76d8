// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The encoder is libopus' SILK without what surrounds it there: no CELT, no stereo, no choice of mode.
// That halves state and code; what is written is an Opus packet like any other (RFC 6716 section 3).

#include "voicecodecs/opus_voice.h"

#include <string.h>

#include "opus.h"
#include "API.h"
#include "entenc.h"
#include "main_FIX.h"
#include "tuning_parameters.h"

#ifndef OPUS_VOICE_COMPLEXITY
#define OPUS_VOICE_COMPLEXITY (0)
#endif

#define FRAME_MS (20)
#define FRAMES_PER_SECOND (1000 / FRAME_MS)
#define WIDEBAND_TOC (0x48) // SILK, wideband, 20 ms, mono, one frame (RFC 6716 section 3.1)
#define RESERVOIR_MS (500) // over which bits in excess are paid back

#define FIXED(value, bits) ((opus_int32)((double)(value) * (double)(1LL << (bits)) + 0.5))

// Sizes of libopus' own opus_decoder_get_size(1), which is no constant.
#define DECODER_OCTETS (sizeof(void *) == 4 ? 17888 : 18432)

struct encoder {
    silk_encoder_state_FIX silk;
    silk_EncControlStruct control;
    opus_int16 before[2]; // the samples before the frame
    opus_int32 hp_state[2];
    opus_int32 hp_cutoff_q15; // log scale, smoothed
    opus_int32 redundant_bits; // of LBRR, smoothed
    opus_int32 excess_bits;
};

struct opus_voice {
    bool taken;
    struct encoder encoder;
    union {
        uint64_t alignment;
        uint8_t octets[DECODER_OCTETS];
    } decoder;
};

static struct opus_voice pairs[OPUS_VOICE_PAIRS];

// ---------------------------------------------------------------------------------------------
// A stack of their own for the calls of libopus: its scratch arrays (VAR_ARRAYS) and frames need
// more than an engine that runs on the stack of an interrupt can give.

struct call {
    struct opus_voice *voice;
    const uint8_t *packet;
    size_t length;
    const int16_t *in;
    int16_t *out;
    uint8_t *octets;
    size_t count;
    size_t result;
};

#ifdef OPUS_VOICE_STACK
#define STACK_FILL (0x5a)
static uint8_t stack[OPUS_VOICE_STACK] __attribute__((aligned(8)));

// AAPCS: r0 function, r1 its argument, r2 where its stack begins.
__attribute__((naked, noinline)) static void on_stack(
    void (*function)(struct call *), struct call *call, uint8_t *top) {
    __asm volatile("push {r4, lr}\n"
                   "mov r4, sp\n"
                   "mov sp, r2\n"
                   "mov r3, r0\n"
                   "mov r0, r1\n"
                   "blx r3\n"
                   "mov sp, r4\n"
                   "pop {r4, pc}\n");
}

static void run(void (*function)(struct call *), struct call *call) {
    on_stack(function, call, stack + sizeof(stack));
}

// Octets of the stack that were ever used, for tests.
size_t opus_voice_stack_used(void) {
    size_t unused = 0;
    while (unused < sizeof(stack) && stack[unused] == STACK_FILL) {
        unused++;
    }
    return sizeof(stack) - unused;
}

static void fill_stack(void) {
    static bool filled;
    if (!filled) {
        filled = true;
        memset(stack, STACK_FILL, sizeof(stack));
    }
}
#else
static void run(void (*function)(struct call *), struct call *call) {
    function(call);
}

size_t opus_voice_stack_used(void) {
    return 0;
}

static void fill_stack(void) {
}
#endif

// ---------------------------------------------------------------------------------------------
// Pool

// Takes an encoder and a decoder from the pool; NULL without a free pair. Within engine_enter().
struct opus_voice *opus_voice_get(void) {
    for (int i = 0; i < OPUS_VOICE_PAIRS; i++) {
        if (!pairs[i].taken && opus_decoder_get_size(1) <= (int)DECODER_OCTETS) {
            fill_stack();
            pairs[i].taken = true;
            opus_voice_start_encoder(&pairs[i]);
            opus_voice_start_decoder(&pairs[i]);
            return &pairs[i];
        }
    }
    return NULL;
}

void opus_voice_put(struct opus_voice *voice) {
    if (voice != NULL) {
        voice->taken = false;
    }
}

size_t opus_voice_used(void) {
    size_t used = 0;
    for (int i = 0; i < OPUS_VOICE_PAIRS; i++) {
        used += pairs[i].taken;
    }
    return used;
}

// ---------------------------------------------------------------------------------------------
// Encoder

void opus_voice_start_encoder(struct opus_voice *voice) {
    struct encoder *encoder = &voice->encoder;
    memset(encoder, 0, sizeof(*encoder));
    silk_init_encoder(&encoder->silk, 0);
    encoder->hp_cutoff_q15 = encoder->silk.sCmn.variable_HP_smth1_Q15;
    silk_EncControlStruct *control = &encoder->control;
    control->nChannelsAPI = control->nChannelsInternal = 1;
    control->API_sampleRate = OPUS_VOICE_RATE;
    control->maxInternalSampleRate = control->minInternalSampleRate = OPUS_VOICE_RATE;
    control->desiredInternalSampleRate = OPUS_VOICE_RATE;
    control->payloadSize_ms = FRAME_MS;
    control->complexity = OPUS_VOICE_COMPLEXITY;
    control->maxBits = (OPUS_VOICE_PACKET_MAX - 1) * 8;
    opus_voice_tune(voice, OPUS_VOICE_BIT_RATE, 0);
}

// Sets bits a second, and what part of our packets is lost on the way: above 0 each packet carries
// the one before it, coarser (LBRR, RFC 6716 section 2.1.7), within the same rate.
void opus_voice_tune(struct opus_voice *voice, uint32_t bit_rate, unsigned loss_percent) {
    silk_EncControlStruct *control = &voice->encoder.control;
    control->bitRate =
        (opus_int32)bit_rate - 8 * FRAMES_PER_SECOND; // the first octet is not SILK's
    control->packetLossPercentage = loss_percent > 100 ? 100 : (int)loss_percent;
    control->useInBandFEC = control->LBRR_coded = loss_percent > 0;
}

// Second-order high pass whose edge follows the lowest pitch of the voice, as libopus has it for
// speech.
static void high_pass(struct encoder *encoder, const int16_t *in, opus_int16 *out) {
    encoder->hp_cutoff_q15 = silk_SMLAWB(encoder->hp_cutoff_q15,
        encoder->silk.sCmn.variable_HP_smth1_Q15 - encoder->hp_cutoff_q15,
        FIXED(VARIABLE_HP_SMTH_COEF2, 16));
    opus_int32 hz = silk_log2lin(silk_RSHIFT(encoder->hp_cutoff_q15, 8));
    opus_int32 fc_q19 =
        silk_SMULBB(FIXED(1.5 * 3.14159 / 1000, 19), hz) / (OPUS_VOICE_RATE / 1000);
    opus_int32 r_q28 = FIXED(1.0, 28) - silk_MUL(FIXED(0.92, 9), fc_q19);
    opus_int32 r_q22 = silk_RSHIFT(r_q28, 6);
    opus_int32 b_q28[3] = { r_q28, silk_LSHIFT(-r_q28, 1), r_q28 };
    opus_int32 a_q28[2] = {
        silk_SMULWW(r_q22, silk_SMULWW(fc_q19, fc_q19) - FIXED(2.0, 22)),
        silk_SMULWW(r_q22, r_q22),
    };
    silk_biquad_alt_stride1(in, b_q28, a_q28, encoder->hp_state, out, OPUS_VOICE_FRAME);
}

// The redundancy of the frame before, in front of the frame itself. Returns its bits.
static int encode_redundancy(silk_encoder_state *state, ec_enc *range) {
    // Room for two flags (voice activity, redundancy), which are known at the end.
    static const opus_uint8 two_bits[2] = { 256 - (256 >> 2), 0 };
    ec_enc_icdf(range, 0, two_bits, 8);
    int begin = ec_tell(range);
    state->LBRR_flag = state->LBRR_flags[0];
    if (state->LBRR_flag) {
        silk_encode_indices(state, range, 0, 1, CODE_INDEPENDENTLY);
        silk_encode_pulses(range, state->indices_LBRR[0].signalType,
            state->indices_LBRR[0].quantOffsetType, state->pulses_LBRR[0], state->frame_length);
    }
    state->LBRR_flags[0] = 0;
    return ec_tell(range) - begin;
}

// Bits a second that are left for the frame.
static opus_int32 target_rate(struct encoder *encoder, int redundant_bits) {
    if (redundant_bits < 10) {
        encoder->redundant_bits = 0;
    } else if (encoder->redundant_bits < 10) {
        encoder->redundant_bits = redundant_bits;
    } else {
        encoder->redundant_bits = (encoder->redundant_bits + redundant_bits) / 2;
    }
    opus_int32 rate = encoder->control.bitRate - encoder->redundant_bits * FRAMES_PER_SECOND
        - encoder->excess_bits * 1000 / RESERVOIR_MS;
    return silk_LIMIT(rate, encoder->control.bitRate, 5000);
}

static void encode(struct call *call) {
    struct encoder *encoder = &call->voice->encoder;
    silk_encoder_state *state = &encoder->silk.sCmn;
    opus_int16 filtered[OPUS_VOICE_FRAME];
    ec_enc range;
    opus_int32 octets = OPUS_VOICE_PACKET_MAX - 1;
    call->result = 0;
    high_pass(encoder, call->in, filtered);
    ec_enc_init(&range, call->octets + 1, OPUS_VOICE_PACKET_MAX - 1);
    state->nFramesEncoded = 0;
    if (silk_control_encoder(&encoder->silk, &encoder->control, 0, 0, 0) != 0) {
        return;
    }
    if (state->first_frame_after_reset) {
        state->LBRR_flags[0] = 0;
    }
    memcpy(state->inputBuf, encoder->before, sizeof(encoder->before));
    silk_resampler(&state->resampler_state, &state->inputBuf[2], filtered, OPUS_VOICE_FRAME);
    memcpy(encoder->before, &state->inputBuf[OPUS_VOICE_FRAME], sizeof(encoder->before));
    state->inputBufIx = OPUS_VOICE_FRAME;
    int redundant_bits = encode_redundancy(state, &range);
    silk_HP_variable_cutoff(&encoder->silk);
    opus_int32 rate = target_rate(encoder, redundant_bits);
    silk_encode_do_VAD_FIX(&encoder->silk, VAD_NO_DECISION);
    silk_control_SNR(state, rate);
    silk_encode_frame_FIX(
        &encoder->silk, &octets, &range, CODE_INDEPENDENTLY, encoder->control.maxBits, 0);
    state->controlled_since_last_payload = 0;
    state->inputBufIx = 0;
    state->nFramesEncoded = 1;
    ec_enc_patch_initial_bits(&range, (unsigned)(state->VAD_flags[0] << 1 | state->LBRR_flag), 2);
    encoder->excess_bits += octets * 8 - encoder->control.bitRate / FRAMES_PER_SECOND;
    encoder->excess_bits = silk_LIMIT(encoder->excess_bits, 0, 10000);
    // No spare bits: a decoder would look for redundancy of CELT in them (section 4.5.1.1).
    int length = (ec_tell(&range) + 7) >> 3;
    ec_enc_done(&range);
    if (length > OPUS_VOICE_PACKET_MAX - 1) {
        return; // no packet, the peer conceals
    }
    call->octets[0] = WIDEBAND_TOC;
    while (length > 2 && call->octets[length] == 0) {
        length--; // a decoder reads zeros behind the end
    }
    call->result = (size_t)length + 1;
}

// OPUS_VOICE_FRAME samples to at most OPUS_VOICE_PACKET_MAX octets. Returns the octets; 0: the frame
// did not fit, which its bit rate rules out.
size_t opus_voice_encode(struct opus_voice *voice, const int16_t *samples, uint8_t *packet) {
    struct call call = { .voice = voice, .in = samples, .octets = packet };
    run(encode, &call);
    return call.result;
}

// ---------------------------------------------------------------------------------------------
// Packets

// Samples that a packet holds, 0 for what is none.
size_t opus_voice_samples(const uint8_t *packet, size_t length) {
    int samples = opus_packet_get_nb_samples(packet, (opus_int32)length, OPUS_VOICE_RATE);
    return samples > 0 ? (size_t)samples : 0;
}

// True for a packet that repeats the one before it (in-band FEC).
bool opus_voice_is_redundant(const uint8_t *packet, size_t length) {
    return length > 2 && opus_packet_has_lbrr(packet, (opus_int32)length) > 0;
}

// True for the packet of a sender that pauses (DTX): it has no sound of its own.
bool opus_voice_is_pause(const uint8_t *packet, size_t length) {
    (void)packet;
    return length <= 2;
}

// Piece `index` of a packet, of at most OPUS_VOICE_UNIT_MS: a packet of its own. False: there are no
// more, or it is no packet.
bool opus_voice_cut(
    const uint8_t *packet, size_t length, size_t index, struct opus_voice_unit *unit) {
    const unsigned char *frames[48];
    opus_int16 sizes[48];
    unsigned char toc;
    size_t total = opus_voice_samples(packet, length);
    if (total == 0) {
        return false;
    }
    if (total <= OPUS_VOICE_SAMPLES_MAX) {
        unit->samples = total;
        unit->length = length;
        if (index > 0 || length > sizeof(unit->octets)) {
            return false;
        }
        memcpy(unit->octets, packet, length);
        return true;
    }
    int count = opus_packet_parse(packet, (opus_int32)length, &toc, frames, sizes, NULL);
    if (count <= 0) {
        return false;
    }
    size_t frame = total / (size_t)count;
    size_t each = OPUS_VOICE_SAMPLES_MAX / frame;
    size_t first = index * each;
    if (first >= (size_t)count) {
        return false;
    }
    size_t last = first + each < (size_t)count ? first + each : (size_t)count;
    // Code 3, variable: TOC, number of frames, all lengths but the last, frames (section 3.2.5).
    uint8_t *out = unit->octets;
    uint8_t *limit = unit->octets + sizeof(unit->octets);
    *out++ = (uint8_t)(toc | 3);
    *out++ = (uint8_t)(0x80 | (last - first));
    for (size_t i = first; i + 1 < last; i++) {
        if (sizes[i] < 252) {
            *out++ = (uint8_t)sizes[i];
        } else {
            *out++ = (uint8_t)(252 + (sizes[i] & 3));
            *out++ = (uint8_t)((sizes[i] - 252 - (sizes[i] & 3)) >> 2);
        }
    }
    for (size_t i = first; i < last; i++) {
        if (sizes[i] > limit - out) {
            return false;
        }
        memcpy(out, frames[i], (size_t)sizes[i]);
        out += sizes[i];
    }
    unit->samples = frame * (last - first);
    unit->length = (size_t)(out - unit->octets);
    return true;
}

// ---------------------------------------------------------------------------------------------
// Decoder

static OpusDecoder *decoder_of(struct opus_voice *voice) {
    return (OpusDecoder *)voice->decoder.octets;
}

void opus_voice_start_decoder(struct opus_voice *voice) {
    opus_decoder_init(decoder_of(voice), OPUS_VOICE_RATE, 1); // fails on arguments alone
}

static void decode(struct call *call) {
    int count = opus_decode(decoder_of(call->voice), call->packet, (opus_int32)call->length,
        call->out, OPUS_VOICE_SAMPLES_MAX, 0);
    call->result = count > 0 ? (size_t)count : 0;
}

// Decodes a piece to at most OPUS_VOICE_SAMPLES_MAX samples. Returns their number, 0 if it is broken.
size_t opus_voice_decode(
    struct opus_voice *voice, const uint8_t *packet, size_t length, int16_t *samples) {
    struct call call = { .voice = voice, .packet = packet, .length = length, .out = samples };
    run(decode, &call);
    return call.result;
}

static void conceal(struct call *call) {
    int got = 0;
    if (call->length > 0) {
        got = opus_decode(decoder_of(call->voice), call->packet, (opus_int32)call->length,
            call->out, (int)call->count, 1);
    }
    if (got <= 0) {
        got = opus_decode(decoder_of(call->voice), NULL, 0, call->out, (int)call->count, 0);
    }
    call->result = got > 0 ? (size_t)got : 0;
}

// Makes up `count` samples, a multiple of OPUS_VOICE_STEP: by the redundancy in the packet that comes
// after them if it is known and has any (length 0: it is not), else out of what was heard before.
void opus_voice_conceal(
    struct opus_voice *voice, const uint8_t *next, size_t length, int16_t *samples, size_t count) {
    struct call call = {
        .voice = voice, .packet = next, .length = length, .out = samples, .count = count
    };
    run(conceal, &call);
    if (call.result < count) {
        memset(samples + call.result, 0, (count - call.result) * sizeof(samples[0]));
    }
}
