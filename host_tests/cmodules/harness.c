// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "harness.h"

#include <errno.h>

#include "engine/audio_device.h"
#include "engine/engine.h"

uint64_t random_state = 1;

uint32_t random_u32(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545f4914f6cdd1dULL) >> 32);
}

double random_unit(void) {
    return random_u32() / 4294967296.0;
}

struct world world;

void world_reset(void) {
    memset(&world, 0, sizeof(world));
    world.now_us = 1000000;
}

// engine.h ---------------------------------------------------------------------------------------

void engine_enter(void) {
    world.depth++;
}

void engine_exit(void) {
    CHECK(world.depth > 0);
    world.depth--;
}

int engine_start(void) {
    return 0;
}

uint64_t engine_time_us(void) {
    return world.now_us;
}

int engine_signal_init(engine_signal *signal) {
    signal->raised = 0;
    signal->fd = -1;
    world.signals++;
    return 0;
}

void engine_signal_raise(engine_signal *signal) {
    signal->raised = 1;
}

void engine_signal_clear(engine_signal *signal) {
    signal->raised = 0;
}

void engine_signal_deinit(engine_signal *signal) {
    (void)signal;
    world.signals--;
}

// audio_device.h ---------------------------------------------------------------------------------

int audio_device_start(uint32_t rate) {
    CHECK_EQUAL(world.depth, 0);
    if (rate == world.rate_refused) {
        return -EINVAL;
    }
    world.rate = rate;
    world.starts++;
    return 0;
}

void audio_device_stop(void) {
    CHECK_EQUAL(world.depth, 0);
    world.rate = 0;
}

void audio_device_read(int16_t *samples, size_t count) {
    CHECK_EQUAL(count, world.rate / 50);
    memset(samples, 0, count * sizeof(samples[0]));
    if (world.microphone_hz > 0) {
        sine(samples, count, world.microphone_hz, world.rate, 10000, &world.microphone_phase);
    }
    if (world.microphone != NULL) {
        world.microphone(samples, count);
    }
}

void audio_device_write(const int16_t *samples, size_t count) {
    CHECK_EQUAL(count, world.rate / 50);
    for (size_t i = 0; i < count && world.speaker_count < WORLD_SAMPLES; i++) {
        world.speaker[world.speaker_count++] = samples[i];
    }
}

void world_tick(void) {
    world.now_us += 20000;
    media_tick(world.now_us);
}

// packet_ops -------------------------------------------------------------------------------------

static int world_send(
    void *endpoint, const uint8_t *data, size_t length, const uint8_t peer[16], uint16_t port) {
    if (world.send_result < 0) {
        return world.send_result;
    }
    CHECK(length <= sizeof(world.sent[0].octets));
    if (world.sent_count < WORLD_PACKETS) {
        struct sent_packet *packet = &world.sent[world.sent_count++];
        packet->endpoint = endpoint;
        memcpy(packet->peer, peer, 16);
        packet->port = port;
        packet->length = length;
        packet->time_us = world.now_us;
        memcpy(packet->octets, data, length);
    }
    return 0;
}

static void world_set_receiver(void *endpoint, net6_receiver receiver, void *arg) {
    struct world_endpoint *e = endpoint;
    e->receiver = receiver;
    e->arg = arg;
}

const struct packet_ops world_ops = { world_send, world_set_receiver };

// The octets lie in a block of their own length, so that a read past them is seen.
void world_deliver(struct world_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, uint64_t time_us) {
    struct net6_meta meta;
    memset(&meta, 0, sizeof(meta));
    memcpy(meta.peer, peer, 16);
    meta.peer_port = port;
    meta.time_us = time_us;
    if (endpoint->receiver == NULL) {
        return;
    }
    uint8_t *copy = malloc(length > 0 ? length : 1);
    CHECK(copy != NULL);
    if (length > 0) {
        memcpy(copy, data, length);
    }
    CHECK(endpoint->receiver(endpoint->arg, copy, length, &meta));
    free(copy);
}

// Sound ------------------------------------------------------------------------------------------

void sine(
    int16_t *samples, size_t count, double hz, double rate, double amplitude, double *phase) {
    for (size_t i = 0; i < count; i++) {
        samples[i] = (int16_t)lrint(amplitude * sin(*phase));
        *phase += 2 * M_PI * hz / rate;
    }
}

// Least squares of a sine and a cosine of that frequency (Goertzel's sums, any frequency).
double power_at(const int16_t *samples, size_t count, double hz, double rate) {
    double s = 0, c = 0;
    for (size_t i = 0; i < count; i++) {
        double angle = 2 * M_PI * hz * (double)i / rate;
        s += samples[i] * sin(angle);
        c += samples[i] * cos(angle);
    }
    s *= 2.0 / (double)count;
    c *= 2.0 / (double)count;
    return (s * s + c * c) / 2 / (32768.0 * 32768.0);
}

double power(const int16_t *samples, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)samples[i] * samples[i];
    }
    return sum / (double)count / (32768.0 * 32768.0);
}

double sine_over_rest_db(const int16_t *samples, size_t count, double hz, double rate) {
    double at = power_at(samples, count, hz, rate);
    double rest = power(samples, count) - at;
    return 10 * log10(at / (rest > 1e-12 ? rest : 1e-12));
}

double roughness(const int16_t *samples, size_t count) {
    double greatest = 0;
    for (size_t i = 2; i < count; i++) {
        double d = abs(samples[i] - 2 * samples[i - 1] + samples[i - 2]);
        greatest = d > greatest ? d : greatest;
    }
    return greatest;
}
