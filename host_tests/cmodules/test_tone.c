// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Tones: frequency, level, cadence, no click, and the resampler and the stretcher beside them.

#include "harness.h"

#include <errno.h>

#include "engine/audio_device.h"
#include "media/media_core.h"
#include "media/resample.h"
#include "media/stretch.h"
#include "media/tone.h"

static struct tone_program program(int f1, int f2, int level, int on, int off, bool repeat) {
    struct tone_program p = { .count = 1, .repeat = repeat };
    p.segments[0] = (struct tone_segment){ (uint16_t)f1, (uint16_t)f2, (int8_t)level, (uint16_t)on,
        (uint16_t)off };
    return p;
}

static size_t play(const struct tone_program *p, int frames) {
    media_deinit();
    world_reset();
    CHECK_EQUAL(media_start(), 0);
    world_tick();
    CHECK(power(world.speaker, world.speaker_count) == 0);
    world.speaker_count = 0;
    CHECK_EQUAL(media_tone(p), 0);
    for (int i = 0; i < frames; i++) {
        world_tick();
    }
    return world.speaker_count;
}

// 0 dBm0 is 3.14 dB under the peak of a full-scale sine (ITU-T G.711).
static double level_dbm0(double power_of_sine) {
    return 10 * log10(power_of_sine / 0.5) + 3.14;
}

static void test_frequency_and_level(void) {
    static const int levels[] = { 0, -10, -13, -20, -37, -60 };
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        struct tone_program p = program(425, 0, levels[i], 0, 0, false);
        play(&p, 200);
        const int16_t *late = world.speaker + 8000;
        CHECK_BETWEEN(
            level_dbm0(power_at(late, 16000, 425, 8000)), levels[i] - 0.5, levels[i] + 0.5);
        if (levels[i] > -30) {
            CHECK_BETWEEN(sine_over_rest_db(late, 16000, 425, 8000), 40, 99);
        }
    }
    struct tone_program p = program(440, 480, -19, 0, 0, false); // North American ringing tone
    play(&p, 200);
    double a = power_at(world.speaker + 8000, 16000, 440, 8000),
           b = power_at(world.speaker + 8000, 16000, 480, 8000);
    CHECK_BETWEEN(level_dbm0(a), -19.5, -18.5);
    CHECK_BETWEEN(level_dbm0(b), -19.5, -18.5);
    CHECK_BETWEEN(10 * log10((a + b) / (power(world.speaker + 8000, 16000) - a - b)), 35, 99);
}

static void test_cadence(void) {
    struct tone_program p = program(425, 0, -10, 500, 500, true); // busy
    size_t count = play(&p, 600);
    for (size_t second = 0; second + 8000 <= count; second += 8000) {
        CHECK_BETWEEN(level_dbm0(power(world.speaker + second + 80, 3840)), -10.3, -9.7);
        CHECK(power(world.speaker + second + 4000, 4000) == 0);
    }
    // Fades of 4 ms, no click: a kink at the start alone.
    CHECK_BETWEEN(roughness(world.speaker, count), 0, 1.5 * roughness(world.speaker + 1000, 2000));
    // British ringing tone: two in each three seconds, then the pause.
    struct tone_program uk = { .count = 2, .repeat = true };
    uk.segments[0] = (struct tone_segment){ 400, 450, -19, 400, 200 };
    uk.segments[1] = (struct tone_segment){ 400, 450, -19, 400, 2000 };
    play(&uk, 450);
    for (size_t at = 0; at < 72000; at += 24000) {
        const int16_t *s = world.speaker + at;
        CHECK(power(s + 100, 3000) > 1e-5 && power(s + 3200, 1600) == 0
            && power(s + 4900, 3000) > 1e-5 && power(s + 8000, 16000) == 0);
    }
    struct tone_program once = program(1000, 0, -10, 100, 0, false);
    play(&once, 20);
    CHECK(power(world.speaker, 800) > 1e-3 && power(world.speaker + 800, 2400) == 0);
    struct media_counters c;
    media_counters(&c);
    CHECK(!c.tone);
}

static void test_stop_and_replace(void) {
    struct tone_program p = program(350, 440, -13, 0, 0, false), none = { .count = 0 },
                        other = program(620, 480, -19, 250, 250, true);
    play(&p, 100);
    double smooth = roughness(world.speaker + 1000, 8000);
    CHECK_EQUAL(media_tone(&other), 0);
    for (int i = 0; i < 10; i++) {
        world_tick();
    }
    CHECK(power_at(world.speaker + 16100, 1400, 620, 8000) > 1e-3);
    CHECK_EQUAL(media_tone(&none), 0);
    world_tick();
    size_t at = world.speaker_count;
    world_tick();
    CHECK(power(world.speaker + at, 160) == 0);
    CHECK_BETWEEN(roughness(world.speaker, world.speaker_count), 0, 2.5 * smooth);
    struct media_counters c;
    media_counters(&c);
    CHECK(!c.tone);
}

// The rate of the device changes in the middle of a cadence: phase and cadence go on.
static void test_rate_change(void) {
    media_deinit();
    world_reset();
    struct tone tone;
    static int32_t mix[16000 * 4];
    static int16_t sound[16000 * 4];
    memset(&tone, 0, sizeof(tone));
    memset(mix, 0, sizeof(mix));
    struct tone_program p = program(500, 0, -10, 1000, 1000, true);
    tone_start(&tone, &p);
    size_t n = 0;
    for (int i = 0; i < 25; i++) {
        tone_add(&tone, 8000, mix + n, 160);
        n += 160;
    }
    size_t change = n;
    uint32_t phase = tone.phase1;
    CHECK_EQUAL(phase, 0); // 500 Hz for half a second is whole
    for (int i = 0; i < 75; i++) {
        tone_add(&tone, 16000, mix + n, 320);
        n += 320;
    }
    for (size_t i = 0; i < n; i++) {
        sound[i] = (int16_t)mix[i];
    }
    CHECK_BETWEEN(sine_over_rest_db(sound + 800, change - 800, 500, 8000), 40, 99);
    CHECK_BETWEEN(sine_over_rest_db(sound + change, 6400, 500, 16000), 40, 99);
    CHECK(power(sound + change + 8000, 16000) == 0); // silent from 1 s to 2 s
    CHECK(abs(sound[change]) < 1200);
}

static void test_bounds(void) {
    struct tone_program p = program(3801, 0, 0, 0, 0, false);
    CHECK_EQUAL(media_tone(&p), -EINVAL);
    p = program(0, 5000, 0, 0, 0, false);
    CHECK_EQUAL(media_tone(&p), -EINVAL);
    p = program(400, 0, 1, 0, 0, false);
    CHECK_EQUAL(media_tone(&p), -EINVAL);
    p = program(400, 0, -61, 0, 0, false);
    CHECK_EQUAL(media_tone(&p), -EINVAL);
    p.count = TONE_SEGMENTS + 1;
    CHECK_EQUAL(media_tone(&p), -EINVAL);
    p = program(3000, 3800, 0, 0, 0, false); // as loud as it gets: no wrap
    play(&p, 100);
    CHECK(power(world.speaker + 800, 8000) > 0.2);
    p = program(400, 0, -10, 1, 1, true); // shorter than the envelope
    play(&p, 100);
}

static void test_resample(void) {
    static int16_t in[16000], out[16000];
    static const double narrow[] = { 300, 1000, 3000, 3400 };
    for (size_t f = 0; f < 4; f++) {
        struct resample state;
        double phase = 0;
        resample_reset(&state);
        sine(in, 8000, narrow[f], 8000, 10000, &phase);
        for (size_t i = 0; i < 8000; i += 160) {
            resample_double(&state, in + i, 160, out + 2 * i);
        }
        double at = power_at(out + 1600, 14400, narrow[f], 16000);
        CHECK_BETWEEN(10 * log10(at / (10000.0 * 10000.0 / 32768 / 32768 / 2)), -0.8, 0.2);
        CHECK_BETWEEN(sine_over_rest_db(out + 1600, 14400, narrow[f], 16000),
            narrow[f] > 3300 ? 20 : 40, 120);
        resample_reset(&state);
        phase = 0;
        sine(in, 16000, narrow[f], 16000, 10000, &phase);
        for (size_t i = 0; i < 16000; i += 320) {
            resample_halve(&state, in + i, 320, out + i / 2);
        }
        CHECK_BETWEEN(sine_over_rest_db(out + 800, 7200, narrow[f], 8000), 50, 120);
    }
    static const double wide[] = { 5000, 6000, 7500 }; // must not fold down
    for (size_t f = 0; f < 3; f++) {
        struct resample state;
        double phase = 0;
        resample_reset(&state);
        sine(in, 16000, wide[f], 16000, 10000, &phase);
        for (size_t i = 0; i < 16000; i += 320) {
            resample_halve(&state, in + i, 320, out + i / 2);
        }
        CHECK_BETWEEN(
            10 * log10(power(out + 800, 7200) / (10000.0 * 10000.0 / 32768 / 32768 / 2) + 1e-9),
            -99, -60);
    }
    // Pieces of any length give the same as one.
    struct resample a, b;
    static int16_t once[320], twice[320];
    resample_reset(&a);
    resample_reset(&b);
    resample_double(&a, in, 160, once);
    resample_double(&b, in, 1, twice);
    resample_double(&b, in + 1, 90, twice + 2);
    resample_double(&b, in + 91, 69, twice + 182);
    CHECK(memcmp(once, twice, sizeof(once)) == 0);
    CHECK(memcmp(&a, &b, sizeof(a)) == 0);
    for (size_t i = 0; i < 320; i++) {
        in[i] = i / 20 % 2 ? INT16_MAX : INT16_MIN; // saturates
    }
    resample_double(&a, in, 160, once);
    resample_halve(&b, in, 320, once);
}

static void test_stretch(void) {
    static const double hz[] = { 90, 133, 250, 1000 };
    for (uint32_t rate = 8000; rate <= 16000; rate *= 2) {
        size_t frame = rate / 50;
        for (size_t f = 0; f < 4; f++) {
            int16_t in[320 + 200], out[320];
            double phase = 0.3;
            sine(in, frame + STRETCH_LAG_MAX(rate), hz[f], rate, 10000, &phase);
            double smooth = 10000 * 2 * (1 - cos(2 * M_PI * hz[f] / rate));
            size_t used = stretch_shorten(in, out, frame, rate);
            CHECK_BETWEEN(used, frame + STRETCH_LAG_MIN(rate), frame + STRETCH_LAG_MAX(rate));
            CHECK(out[0] == in[0] && out[frame - 1] == in[used - 1]);
            CHECK_BETWEEN(roughness(out, frame), 0, 2 * smooth + 100);
            used = stretch_lengthen(in, out, frame, rate);
            CHECK_BETWEEN(used, frame - STRETCH_LAG_MAX(rate), frame - STRETCH_LAG_MIN(rate));
            CHECK(out[0] == in[0] && out[frame - 1] == in[used - 1]);
            CHECK_BETWEEN(roughness(out, frame), 0, 2 * smooth + 100);
        }
    }
}

int main(void) {
    RUN(test_frequency_and_level);
    RUN(test_cadence);
    RUN(test_stop_and_replace);
    RUN(test_rate_change);
    RUN(test_bounds);
    RUN(test_resample);
    RUN(test_stretch);
    return 0;
}
