// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A synthetic room for tests of the speaker path: voices, and the way of a sound from the
// loudspeaker to the microphone (image sources: Allen and Berkley, J. Acoust. Soc. Am. 65(4), 1979).

#ifndef VOX6_ROOM_H
#define VOX6_ROOM_H

#include <stddef.h>
#include <stdint.h>

#define ROOM_TAPS_MAX (16000 / 1000 * 256)

struct room {
    double rate;
    size_t taps;
    double response[ROOM_TAPS_MAX];
    double past[ROOM_TAPS_MAX]; // of the speaker, newest first
    size_t delay; // samples of the device before the room
    double held[ROOM_TAPS_MAX];
    size_t held_at;
};

// tail_ms: length of the response, half the time in which the echo falls by 60 dB. loss_db: of the
// direct sound and all its reflections together. delay: samples by which the device plays late.
void room_make(struct room *room, double rate, double tail_ms, double loss_db, size_t delay);
double room_hear(struct room *room, double played); // one sample of echo

// A voice: pitch pulses that glide, three formants that move with each syllable, hiss between,
// pauses between phrases. Full scale is 32768.
struct voice {
    double rate;
    double level; // root mean square while it speaks
    double pitch_hz; // at rest
    uint64_t seed;
    double time, phase, syllable_end, phrase_end;
    double glide, fricative, formant[3], target[3];
    double state[3][2];
    double envelope;
};

void voice_make(struct voice *voice, double rate, double level, double pitch_hz, uint64_t seed);
double voice_speak(struct voice *voice); // one sample

#endif
