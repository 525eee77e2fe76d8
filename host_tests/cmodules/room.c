// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "room.h"

#include "harness.h"

#define SOUND_M_S (343.0)

// A small office of 4.1 x 3.3 x 2.6 m; loudspeaker half a metre from the microphone.
static const double walls[3] = { 4.1, 3.3, 2.6 };
static const double loudspeaker[3] = { 1.22, 1.11, 0.80 };
static const double microphone[3] = { 1.64, 1.40, 0.78 };

void room_make(struct room *room, double rate, double tail_ms, double loss_db, size_t delay) {
    memset(room, 0, sizeof(*room));
    room->rate = rate;
    room->taps = (size_t)(rate * tail_ms / 1000);
    room->delay = delay;
    CHECK(room->taps <= ROOM_TAPS_MAX && delay < ROOM_TAPS_MAX);
    // Sabine's formula turned round, for walls that are all alike.
    double volume = walls[0] * walls[1] * walls[2];
    double surface = 2 * (walls[0] * walls[1] + walls[1] * walls[2] + walls[0] * walls[2]);
    double absorbed = 0.161 * volume / (surface * 2 * tail_ms / 1000);
    double reflected = sqrt(1 - (absorbed > 0.95 ? 0.95 : absorbed));
    int reach = (int)(SOUND_M_S * tail_ms / 1000 / walls[2] / 2) + 2;
    for (int x = -reach; x <= reach; x++) {
        for (int y = -reach; y <= reach; y++) {
            for (int z = -reach; z <= reach; z++) {
                for (int mirror = 0; mirror < 8; mirror++) {
                    int turns[3] = { x, y, z };
                    double square = 0, strength = 1;
                    for (int axis = 0; axis < 3; axis++) {
                        int flipped = mirror >> axis & 1;
                        double at = flipped ? -loudspeaker[axis] : loudspeaker[axis];
                        double d = 2 * turns[axis] * walls[axis] + at - microphone[axis];
                        square += d * d;
                        strength *= pow(reflected, abs(2 * turns[axis] - flipped));
                    }
                    double way = sqrt(square), place = way / SOUND_M_S * rate;
                    size_t tap = (size_t)place;
                    if (tap + 1 < room->taps) {
                        double part = place - (double)tap;
                        room->response[tap] += strength / way * (1 - part);
                        room->response[tap + 1] += strength / way * part;
                    }
                }
            }
        }
    }
    // The loudspeaker sounds nothing below some 300 Hz.
    double low = 0, pole = exp(-2 * M_PI * 300 / rate);
    double sum = 0;
    for (size_t i = 0; i < room->taps; i++) {
        low = pole * low + (1 - pole) * room->response[i];
        room->response[i] -= low;
        sum += room->response[i] * room->response[i];
    }
    double scale = sqrt(pow(10, -loss_db / 10) / sum);
    for (size_t i = 0; i < room->taps; i++) {
        room->response[i] *= scale;
    }
}

double room_hear(struct room *room, double played) {
    double out = played;
    if (room->delay > 0) {
        out = room->held[room->held_at];
        room->held[room->held_at] = played;
        room->held_at = (room->held_at + 1) % room->delay;
    }
    memmove(room->past + 1, room->past, (room->taps - 1) * sizeof(room->past[0]));
    room->past[0] = out;
    double heard = 0;
    for (size_t i = 0; i < room->taps; i++) {
        heard += room->past[i] * room->response[i];
    }
    return heard;
}

static double chance(struct voice *voice) {
    uint64_t x = voice->seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    voice->seed = x;
    return (double)((x * 0x2545f4914f6cdd1dULL) >> 32) / 4294967296.0;
}

void voice_make(struct voice *voice, double rate, double level, double pitch_hz, uint64_t seed) {
    memset(voice, 0, sizeof(*voice));
    voice->rate = rate;
    voice->level = level;
    voice->pitch_hz = pitch_hz;
    voice->seed = seed * 0x9e3779b97f4a7c15ULL + 1;
    voice->phrase_end = 2 + chance(voice);
    for (int i = 0; i < 3; i++) {
        voice->formant[i] = voice->target[i] = 500 + 1000.0 * i;
    }
}

static void next_syllable(struct voice *voice) {
    static const double lowest[3] = { 280, 900, 2200 }, highest[3] = { 800, 2100, 3000 };
    if (voice->time > voice->phrase_end) { // a breath
        voice->syllable_end = voice->time + 0.4 + 0.5 * chance(voice);
        voice->phrase_end = voice->syllable_end + 1.5 + 1.5 * chance(voice);
        voice->glide = 0;
        return;
    }
    voice->syllable_end = voice->time + 0.12 + 0.15 * chance(voice);
    voice->glide = 0.85 + 0.4 * chance(voice);
    voice->fricative = 0.02 + 0.04 * chance(voice); // seconds of hiss at its start
    for (int i = 0; i < 3; i++) {
        voice->target[i] = lowest[i] + (highest[i] - lowest[i]) * chance(voice);
    }
}

double voice_speak(struct voice *voice) {
    static const double width[3] = { 70, 100, 140 };
    voice->time += 1 / voice->rate;
    if (voice->time >= voice->syllable_end) {
        next_syllable(voice);
    }
    double left = voice->syllable_end - voice->time;
    double wanted = voice->glide == 0 ? 0 : left < 0.04 ? 0.15 : 1;
    voice->envelope += (wanted - voice->envelope) * 120 / voice->rate;
    double source = 0.25 * (chance(voice) - 0.5);
    if (left > voice->fricative) {
        double pitch = voice->pitch_hz * (0.7 + 0.3 * voice->glide);
        voice->phase += pitch / voice->rate;
        if (voice->phase >= 1) {
            voice->phase -= 1;
            source += 8;
        }
    } else {
        source *= 6;
    }
    double out = 0;
    for (int i = 0; i < 3; i++) {
        voice->formant[i] += (voice->target[i] - voice->formant[i]) * 30 / voice->rate;
        double radius = exp(-M_PI * width[i] / voice->rate);
        double turn = 2 * radius * cos(2 * M_PI * voice->formant[i] / voice->rate);
        double *state = voice->state[i];
        double value = source * (1 - radius) + turn * state[0] - radius * radius * state[1];
        state[1] = state[0];
        state[0] = value;
        out += value / (1 + 0.7 * i);
    }
    return out * voice->envelope * voice->level * 5;
}
