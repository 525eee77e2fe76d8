// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The speaker path (speaker_core.c) in a synthetic room. Figures of each case are printed; the
// bounds are those figures with some 3 dB of margin.

#include "harness.h"
#include "media/media_core.h"
#include "peer.h"
#include "room.h"
#include "speaker/speaker_core.h"
#include "speaker/speexdsp_unit.h"

static const struct speaker_config all = { .echo = true, .noise = true, .gain = true };
static const struct speaker_config echo_only = { .echo = true };

static struct room room;
static uint64_t memory[SPEAKER_ECHO_OCTETS / sizeof(uint64_t)];

// A world of one loudspeaker and one microphone, sample by sample.
static struct {
    uint32_t rate;
    struct voice far, near;
    double far_on, near_on, noise; // amplitudes; noise: root mean square
    double near_power, echo_power, sent_power; // sums since mark()
    double near_sent; // of near times sent
    size_t samples;
    int16_t played[AUDIO_FRAME_MAX];
    double near_past[AUDIO_FRAME_MAX]; // the suppressor is one frame late
} scene;

static double hiss(void) {
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += random_unit();
    }
    return sum - 6; // unit variance
}

static void enter(
    uint32_t rate, double tail_ms, size_t delay_ms, const struct speaker_config *config) {
    CHECK(speaker_memory(config) <= sizeof(memory));
    speaker_configure(config, rate, memory);
    CHECK(speaker_arena_used() <= speaker_memory(config));
    memset(&scene, 0, sizeof(scene));
    scene.rate = rate;
    random_state = 7;
    room_make(&room, rate, tail_ms, 6, rate / 1000 * delay_ms);
    voice_make(&scene.far, rate, 2500, 120, 3);
    voice_make(&scene.near, rate, 1500, 190, 5);
}

static void mark(void) {
    scene.near_power = scene.echo_power = scene.sent_power = scene.near_sent = 0;
    scene.samples = 0;
}

static int16_t limited(double value) {
    return (int16_t)(value > 32767 ? 32767 : value < -32768 ? -32768 : value);
}

static void run_frame(void) {
    size_t frame = scene.rate / 50;
    int16_t microphone[AUDIO_FRAME_MAX];
    double near[AUDIO_FRAME_MAX];
    for (size_t i = 0; i < frame; i++) {
        double echo = room_hear(&room, scene.played[i]);
        near[i] = scene.near_on * voice_speak(&scene.near);
        microphone[i] = limited(echo + near[i] + scene.noise * hiss());
        scene.echo_power += echo * echo;
        scene.near_power += near[i] * near[i];
    }
    speaker_clean(microphone, frame);
    for (size_t i = 0; i < frame; i++) {
        scene.sent_power += (double)microphone[i] * microphone[i];
        scene.near_sent += scene.near_past[i] * microphone[i];
        scene.played[i] = limited(scene.far_on * voice_speak(&scene.far));
    }
    memcpy(scene.near_past, near, sizeof(near));
    speaker_played(scene.played, frame);
    scene.samples += frame;
}

static void run_seconds(double seconds) {
    for (int i = 0; i < (int)(seconds * 50); i++) {
        run_frame();
    }
}

static double db(double ratio) {
    return 10 * log10(ratio + 1e-12);
}

static double echo_loss_db(void) {
    return db(scene.echo_power / (scene.sent_power + 1e-9));
}

// Gain of the near speech in what was sent, and how far all else in it is below.
static double near_gain_db(void) {
    return 2 * db(fabs(scene.near_sent) / scene.near_power);
}

static double rest_db(void) {
    double near = scene.near_sent * scene.near_sent / scene.near_power;
    return db(near / (scene.sent_power - near));
}

// Far speech alone: how much of its echo is left, as the filter learns.
static void test_echo_return_loss(void) {
    static const struct {
        uint32_t rate;
        double tail_ms;
        size_t late_ms; // by which the device plays late
        double least[4]; // dB in each part
    } rows[] = {
        { 8000, 64, 0, { 12, 21, 25, 28 } },
        { 8000, 96, 0, { 11, 20, 24, 28 } },
        { 8000, 128, 0, { 10, 18, 22, 27 } },
        { 8000, 64, 40, { 5, 21, 27, 30 } },
        { 16000, 64, 0, { 13, 20, 23, 26 } },
        { 16000, 128, 0, { 11, 19, 22, 25 } },
    };
    static const double parts[4] = { 1, 2, 5, 12 };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double loss[4];
        enter(rows[i].rate, rows[i].tail_ms, rows[i].late_ms, &echo_only);
        scene.far_on = 1;
        scene.noise = 10;
        for (int p = 0; p < 4; p++) {
            mark();
            run_seconds(parts[p]);
            loss[p] = echo_loss_db();
            CHECK_BETWEEN(loss[p], rows[i].least[p], 60);
        }
        struct speaker_figures figures;
        speaker_figures(&figures);
        CHECK_BETWEEN(figures.echo_return_loss_db, loss[3] - 6, loss[3] + 6);
        CHECK_EQUAL(figures.frames % 1000, 0);
        printf("%u Hz, echo of %.0f ms, device %zu ms late: echo return loss %.1f dB in second 1, "
               "%.1f to second 3, %.1f to 8, %.1f to 20\n",
            rows[i].rate, rows[i].tail_ms, rows[i].late_ms, loss[0], loss[1], loss[2], loss[3]);
    }
}

// What the device plays late is told, and then costs nothing of the tail.
static void test_late_device(void) {
    struct speaker_config config = echo_only;
    config.delay_ms = 60;
    enter(8000, 128, 60, &config);
    scene.far_on = 1;
    scene.noise = 10;
    run_seconds(8);
    mark();
    run_seconds(12);
    printf("device 60 ms late and known to be: echo return loss %.1f dB\n", echo_loss_db());
    CHECK_BETWEEN(echo_loss_db(), 27, 60);
}

// Near speech goes on being heard, and the filter does not unlearn the room by it.
static void test_double_talk(void) {
    enter(8000, 96, 0, &echo_only);
    scene.far_on = 1;
    scene.noise = 10;
    run_seconds(8);
    mark();
    run_seconds(4);
    double before = echo_loss_db();
    scene.near_on = 1;
    mark();
    run_seconds(6);
    double near = near_gain_db(), rest = rest_db();
    double echo = db(scene.echo_power / scene.near_power);
    scene.near_on = 0;
    run_seconds(0.1);
    mark();
    run_seconds(0.9);
    double after = echo_loss_db();
    printf(
        "double talk: near speech %.1f dB, all else %.1f dB below it (the echo was at %.1f dB); "
        "echo return loss %.1f dB before, %.1f after\n",
        near, rest, echo, before, after);
    CHECK_BETWEEN(near, -6, 1);
    CHECK_BETWEEN(rest, 2, 60);
    CHECK_BETWEEN(before, 28, 60);
    CHECK_BETWEEN(after, 20, 60);
}

// The way of the echo becomes 30 ms longer at once: a device that lost its place.
static void test_delay_jump(void) {
    enter(8000, 64, 0, &echo_only);
    scene.far_on = 1;
    scene.noise = 10;
    run_seconds(10);
    room_make(&room, 8000, 64, 6, 8 * 30);
    double loss[4];
    for (int i = 0; i < 4; i++) {
        mark();
        run_seconds(2);
        loss[i] = echo_loss_db();
    }
    printf(
        "delay jump of 30 ms: echo return loss %.1f dB in the 2 s after it, then %.1f, %.1f, %.1f\n",
        loss[0], loss[1], loss[2], loss[3]);
    CHECK_BETWEEN(loss[0], 1, 60); // never more than the echo itself
    CHECK_BETWEEN(loss[1], 20, 60);
    CHECK_BETWEEN(loss[3], 27, 60);
}

static void test_noise(void) {
    static const struct speaker_config noise_only = { .noise = true };
    enter(8000, 64, 0, &noise_only);
    scene.noise = 150;
    run_seconds(5);
    mark();
    run_seconds(5);
    double quiet = db(scene.noise * scene.noise / (scene.sent_power / (double)scene.samples));
    scene.near_on = 1;
    run_seconds(2);
    mark();
    run_seconds(8);
    double near = near_gain_db();
    printf("noise 20 dB below speech: %.1f dB less in pauses, speech %.1f dB\n", quiet, near);
    CHECK_BETWEEN(quiet, 9, 30);
    CHECK_BETWEEN(near, -2, 1);
}

static void test_gain(void) {
    static const struct speaker_config gain_only = { .gain = true };
    static const struct {
        double level, least_db, most_db;
    } rows[] = { { 0.2, 9, 16 }, { 1, -4, 2 }, { 4, -13, -9 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enter(8000, 64, 0, &gain_only);
        scene.near_on = rows[i].level;
        run_seconds(20);
        struct speaker_figures before, after;
        speaker_figures(&before);
        mark();
        run_seconds(5);
        double gain = db(scene.sent_power / scene.near_power);
        // The echo of the far end is not speech and moves nothing.
        scene.near_on = 0;
        scene.far_on = 1;
        run_seconds(0.5);
        speaker_figures(&before);
        run_seconds(2);
        speaker_figures(&after);
        printf("gain control of speech at %.0f dB of full scale: %.1f dB\n",
            db(pow(1500 * rows[i].level / 32768, 2)), gain);
        CHECK_BETWEEN(gain, rows[i].least_db, rows[i].most_db);
        CHECK_BETWEEN(after.gain_db - before.gain_db, -3, 1);
    }
}

// Through a stream: the peer's speech is played, echoes, and does not come back to it.
static int16_t heard[AUDIO_FRAME_MAX];
static size_t heard_at; // of what was played until the tick before this one

static void hear_room(int16_t *samples, size_t count) {
    memset(heard, 0, sizeof(heard));
    for (size_t i = 0; i < count; i++) {
        bool played = heard_at < world.speaker_count;
        heard[i] = limited(room_hear(&room, played ? world.speaker[heard_at++] : 0));
        samples[i] = limited(samples[i] + heard[i]);
    }
}

static double peer_hears(struct sender *s, struct voice *voice, int frames, double *echo) {
    double sum = 0;
    *echo = 0;
    for (int i = 0; i < frames; i++) {
        uint8_t packet[12 + 160];
        int16_t sound[160];
        make_packet(s, 20, packet);
        for (int n = 0; n < 160; n++) {
            sound[n] = limited(voice_speak(voice));
        }
        s->codec->encode(&s->state, sound, 160, packet + 12);
        world_deliver(&rtp_end, packet, sizeof(packet), peer, PORT, world.now_us);
        size_t sent = world.sent_count;
        world_tick();
        CHECK_EQUAL(world.sent_count, sent + 1);
        struct voice_state decoder;
        s->codec->start_decoder(&decoder);
        s->codec->decode(&decoder, world.sent[sent].octets + 12, 160, sound);
        for (int n = 0; n < 160; n++) {
            sum += (double)sound[n] * sound[n];
            *echo += (double)heard[n] * heard[n];
        }
    }
    return sum;
}

static void test_stream(void) {
    static const struct speaker_config handset;
    begin();
    room_make(&room, 8000, 96, 6, 0);
    heard_at = 0;
    world.microphone = hear_room;
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender s = make_sender(VOICE_PCMU, 0);
    struct voice voice;
    voice_make(&voice, 8000, 2500, 120, 3);
    double echo;
    double sent = peer_hears(&s, &voice, 500, &echo);
    CHECK_BETWEEN(db(echo / sent), -1, 1); // a handset: nothing is done
    media_speaker(&all, memory);
    CHECK(speaker_is(&all));
    struct media_counters before, counters;
    media_counters(&before);
    peer_hears(&s, &voice, 250, &echo);
    sent = peer_hears(&s, &voice, 500, &echo);
    media_counters(&counters);
    printf("a call by PCMU: the peer gets its echo back %.1f dB lower\n", db(echo / sent));
    CHECK_BETWEEN(db(echo / sent), 25, 90);
    CHECK_EQUAL(counters.cleaned_frames - before.cleaned_frames, 750);
    CHECK_BETWEEN(counters.echo_return_loss_db, 20, 60);
    // Another rate of the device: the room is learned anew.
    CHECK_EQUAL(media_set_codec(stream, VOICE_G722, 9), 0);
    world_tick();
    media_counters(&counters);
    CHECK_EQUAL(counters.rate, 16000);
    CHECK_EQUAL(counters.echo_return_loss_db, 0);
    end(stream);
    CHECK(speaker_is(&handset));
}

int main(void) {
    RUN(test_echo_return_loss);
    RUN(test_late_device);
    RUN(test_double_talk);
    RUN(test_delay_jump);
    RUN(test_noise);
    RUN(test_gain);
    RUN(test_stream);
    return 0;
}
