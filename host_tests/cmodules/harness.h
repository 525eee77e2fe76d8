// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What the C tests share: checks that say where they failed, seeded random numbers, and a world for
// the media core (clock, audio device, packet_ops) whose time moves only when a test says so.

#ifndef VOX6_HARNESS_H
#define VOX6_HARNESS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net6/net6_core.h"

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf( \
                stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, __func__, #condition); \
            exit(1); \
        } \
    } while (0)

#define CHECK_EQUAL(a, b) \
    do { \
        long long a_ = (long long)(a), b_ = (long long)(b); \
        if (a_ != b_) { \
            fprintf(stderr, "%s:%d: %s: %s is %lld, not %lld\n", __FILE__, __LINE__, __func__, \
                #a, a_, b_); \
            exit(1); \
        } \
    } while (0)

#define CHECK_BETWEEN(a, low, high) \
    do { \
        double a_ = (double)(a), l_ = (double)(low), h_ = (double)(high); \
        if (!(a_ >= l_ && a_ <= h_)) { \
            fprintf(stderr, "%s:%d: %s: %s is %g, not within %g..%g\n", __FILE__, __LINE__, \
                __func__, #a, a_, l_, h_); \
            exit(1); \
        } \
    } while (0)

#define RUN(test) \
    do { \
        test(); \
        printf("ok %s\n", #test); \
        fflush(stdout); \
    } while (0)

// xorshift64*: seeded, the same everywhere.
extern uint64_t random_state;
uint32_t random_u32(void);
double random_unit(void); // 0 <= x < 1

// World ------------------------------------------------------------------------------------------

#define WORLD_SAMPLES (16000 * 60)
#define WORLD_PACKETS (8192)

struct sent_packet {
    void *endpoint;
    uint8_t peer[16];
    uint16_t port;
    size_t length;
    uint64_t time_us;
    uint8_t octets[1300];
};

struct world_endpoint {
    net6_receiver receiver;
    void *arg;
};

struct world {
    uint64_t now_us;
    uint32_t rate; // of the audio device; 0: stopped
    uint32_t rate_refused; // a rate that the device does not know
    int starts;
    int depth; // of engine_enter()
    double microphone_hz; // sine into the microphone, 0: silence
    double microphone_phase;
    void (*microphone)(int16_t *samples, size_t count); // adds to it, NULL: nothing
    int16_t speaker[WORLD_SAMPLES];
    size_t speaker_count;
    struct sent_packet sent[WORLD_PACKETS];
    size_t sent_count;
    int send_result;
    int signals; // open signals
};

extern struct world world;
extern const struct packet_ops world_ops;

void world_reset(void);
void world_tick(void); // 20 ms later, one media_tick()
void world_deliver(struct world_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, uint64_t time_us);

// Sound ------------------------------------------------------------------------------------------

void sine(int16_t *samples, size_t count, double hz, double rate, double amplitude, double *phase);
// Power of one frequency in the samples, and all of it: linear, full scale squared is 1/2.
double power_at(const int16_t *samples, size_t count, double hz, double rate);
double power(const int16_t *samples, size_t count);
// 10 log10 of the sine at hz over all the rest.
double sine_over_rest_db(const int16_t *samples, size_t count, double hz, double rate);
// Greatest second difference: what a click is in a smooth sound.
double roughness(const int16_t *samples, size_t count);

#endif
