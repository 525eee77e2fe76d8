// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Codecs there and back, known octets of G.711, concealment, the table.

#include "harness.h"

#include "voicecodecs/voicecodecs_core.h"

#define FRAMES (50)

static double round_trip_db(int index, double hz, double amplitude) {
    static int16_t in[FRAMES * VOICE_FRAME_SAMPLES_MAX], out[FRAMES * VOICE_FRAME_SAMPLES_MAX];
    const struct voice_codec *codec = &voice_codecs[index];
    struct voice_state encoder, decoder;
    uint8_t octets[VOICE_FRAME_OCTETS];
    double phase = 0;
    size_t frame = codec->rate / 50;
    codec->start_encoder(&encoder);
    codec->start_decoder(&decoder);
    sine(in, FRAMES * frame, hz, codec->rate, amplitude, &phase);
    for (size_t i = 0; i < FRAMES; i++) {
        CHECK_EQUAL(codec->encode(&encoder, in + i * frame, frame, octets), VOICE_FRAME_OCTETS);
        CHECK_EQUAL(codec->decode(&decoder, octets, VOICE_FRAME_OCTETS, out + i * frame), frame);
    }
    size_t skip = 10 * frame; // G.722 adapts
    return sine_over_rest_db(out + skip, (FRAMES - 10) * frame, hz, codec->rate);
}

static void test_signal_to_noise(void) {
    // ITU-T G.712 asks 33 dB of a G.711 channel from 0 to -30 dBm0.
    CHECK_BETWEEN(round_trip_db(VOICE_PCMU, 1020, 16000), 35, 60);
    CHECK_BETWEEN(round_trip_db(VOICE_PCMA, 1020, 16000), 35, 60);
    CHECK_BETWEEN(round_trip_db(VOICE_PCMU, 1020, 720), 33, 60);
    CHECK_BETWEEN(round_trip_db(VOICE_PCMA, 1020, 720), 33, 60);
    CHECK_BETWEEN(round_trip_db(VOICE_G722, 1020, 16000), 35, 90);
    CHECK_BETWEEN(round_trip_db(VOICE_G722, 5000, 10000), 12, 90);
}

static void test_known_octets(void) {
    struct voice_state state;
    int16_t samples[4] = { 0, 32767, -32768, 1000 };
    uint8_t octets[4];
    voice_codecs[VOICE_PCMU].start_encoder(&state);
    voice_codecs[VOICE_PCMU].encode(&state, samples, 4, octets);
    CHECK_EQUAL(octets[0], 0xff);
    CHECK_EQUAL(octets[1], 0x80);
    CHECK_EQUAL(octets[2], 0x00);
    voice_codecs[VOICE_PCMA].start_encoder(&state);
    voice_codecs[VOICE_PCMA].encode(&state, samples, 4, octets);
    CHECK_EQUAL(octets[0], 0xd5);
    CHECK_EQUAL(octets[1], 0xaa);
    CHECK_EQUAL(octets[2], 0x2a);
}

// Every octet decodes to a level that encodes to the same octet.
static void test_all_octets(void) {
    for (int index = VOICE_PCMU; index <= VOICE_PCMA; index++) {
        struct voice_state encoder, decoder;
        voice_codecs[index].start_encoder(&encoder);
        voice_codecs[index].start_decoder(&decoder);
        for (int i = 0; i < 256; i++) {
            uint8_t octet = (uint8_t)i, back;
            int16_t sample;
            voice_codecs[index].decode(&decoder, &octet, 1, &sample);
            voice_codecs[index].encode(&encoder, &sample, 1, &back);
            // mu-law has two zeros; the negative one comes back as the positive.
            CHECK(back == octet || (index == VOICE_PCMU && octet == 0x7f && back == 0xff));
        }
    }
}

static void test_table(void) {
    CHECK_EQUAL(voice_codec_find("PCMU", 4, 0), VOICE_PCMU);
    CHECK_EQUAL(voice_codec_find("pcma", 4, 0), VOICE_PCMA);
    CHECK_EQUAL(voice_codec_find("G722", 4, 0), VOICE_G722);
    CHECK_EQUAL(voice_codec_find("G7221", 5, 0), -1);
    CHECK_EQUAL(voice_codec_find("G72", 3, 0), -1);
    CHECK_EQUAL(voice_codec_find("", 0, 0), -1);
    CHECK_EQUAL(voice_codecs[VOICE_G722].clock, 8000);
    CHECK_EQUAL(voice_codecs[VOICE_G722].rate, 16000);
}

static void test_concealment(void) {
    struct voice_concealer concealer;
    int16_t sound[800];
    double phase = 0;
    sine(sound, 800, 200, 8000, 10000, &phase);
    voice_concealer_start(&concealer, 8000);
    voice_concealer_conceal(&concealer, sound + 700, 7); // before anything was heard
    voice_concealer_start(&concealer, 8000);
    voice_concealer_heard(&concealer, sound, 400);
    double smooth = roughness(sound, 400);
    for (size_t i = 400; i < 560; i += 10) { // pieces shorter than a blend
        voice_concealer_conceal(&concealer, sound + i, 10);
    }
    CHECK(power(sound + 400, 160) > 0.3 * power(sound, 400));
    CHECK_BETWEEN(roughness(sound, 560), 0, 12 * smooth);
    voice_concealer_heard(&concealer, sound + 560, 240);
    int16_t silence[800];
    voice_concealer_conceal(&concealer, silence, 800);
    CHECK(power(silence + 600, 200) < 1e-9);
}

// A tone of any pitch goes on through a gap of 10 ms as if nothing were, at both rates: loud as
// before, without a click, and where it would have been when it comes back.
static void test_concealed_tone(void) {
    static const double pitches[] = { 70, 100, 133, 190, 260, 333, 395 };
    for (uint32_t rate = 8000; rate <= 16000; rate += 8000) {
        for (size_t p = 0; p < sizeof(pitches) / sizeof(pitches[0]); p++) {
            struct voice_concealer concealer;
            int16_t sound[16000 / 10], whole[16000 / 10];
            size_t ms = rate / 1000, gap = 60 * ms, back = 70 * ms, count = 100 * ms;
            double phase = 0, error = 0, signal = 0;
            sine(whole, count, pitches[p], rate, 10000, &phase);
            memcpy(sound, whole, count * sizeof(sound[0]));
            voice_concealer_start(&concealer, rate);
            for (size_t at = 0; at < gap; at += 20 * ms) {
                voice_concealer_heard(&concealer, sound + at, 20 * ms);
            }
            voice_concealer_conceal(&concealer, sound + gap, back - gap);
            voice_concealer_heard(&concealer, sound + back, count - back);
            for (size_t i = gap; i < count; i++) {
                error += pow(sound[i] - whole[i], 2);
                signal += pow(whole[i], 2);
            }
            CHECK_BETWEEN(10 * log10(signal / error), 10, 99);
            // No step: at most the corner of a wave that is turned back.
            double slope = 10000 * 2 * M_PI * pitches[p] / rate;
            CHECK_BETWEEN(roughness(sound, count), 0, 2 * slope + roughness(whole, count));
            CHECK(memcmp(sound + back + 5 * ms, whole + back + 5 * ms, 100) == 0);
        }
    }
}

// Any octets decode to something, with G.722 too (its state is driven to its limits).
static void test_noise(void) {
    struct voice_state state;
    uint8_t octets[VOICE_FRAME_OCTETS];
    int16_t samples[VOICE_FRAME_SAMPLES_MAX];
    voice_codecs[VOICE_G722].start_decoder(&state);
    for (int frame = 0; frame < 2000; frame++) {
        for (size_t i = 0; i < sizeof(octets); i++) {
            octets[i] = (uint8_t)(frame % 3 == 0 ? 0 : frame % 3 == 1 ? 0xff : random_u32());
        }
        CHECK_EQUAL(voice_codecs[VOICE_G722].decode(&state, octets, sizeof(octets), samples), 320);
    }
    voice_codecs[VOICE_G722].start_encoder(&state);
    for (int frame = 0; frame < 2000; frame++) {
        for (size_t i = 0; i < VOICE_FRAME_SAMPLES_MAX; i++) {
            samples[i] = (int16_t)(random_u32() & 1 ? INT16_MAX : INT16_MIN);
        }
        CHECK_EQUAL(voice_codecs[VOICE_G722].encode(&state, samples, 320, octets), 160);
    }
}

int main(void) {
    RUN(test_signal_to_noise);
    RUN(test_known_octets);
    RUN(test_all_octets);
    RUN(test_table);
    RUN(test_concealment);
    RUN(test_concealed_tone);
    RUN(test_noise);
    return 0;
}
