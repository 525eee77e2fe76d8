// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What other telephones may send, made by libopus' own encoder on the host: prints a C header with
// packets of several kinds for opus_frame.c. Each: two octets of length, the packet; 0, 0 ends them.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "opus.h"

#define SET_MODE (11002) // OPUS_SET_FORCE_MODE of libopus' private header
#define SILK (1000)
#define HYBRID (1001)
#define CELT (1002)
#define WARM_UP (10)
#define PACKETS (40)

static void make(const char *name, int ms, int channels, int bit_rate, int mode) {
    static opus_int16 sound[2 * 2880];
    unsigned char packet[1276];
    int count = 48 * ms, error;
    OpusEncoder *encoder = opus_encoder_create(48000, channels, OPUS_APPLICATION_VOIP, &error);
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bit_rate));
    opus_encoder_ctl(encoder, OPUS_SET_FORCE_CHANNELS(channels));
    opus_encoder_ctl(encoder, SET_MODE, mode);
    if (mode == SILK) {
        opus_encoder_ctl(encoder, OPUS_SET_BANDWIDTH(OPUS_BANDWIDTH_WIDEBAND));
    }
    printf("static const uint8_t %s[] = {\n", name);
    for (int number = 0; number < PACKETS; number++) {
        for (int i = 0; i < count * channels; i++) {
            double t = (number * count + i / channels) / 48000.0, w = 2 * M_PI * t;
            double loud = 8000 * fabs(sin(4 * M_PI * t));
            double hiss = rand() / (double)RAND_MAX - 0.5;
            sound[i] = (opus_int16)(loud
                * (sin((140 + 20 * (i % channels)) * w) + 0.5 * sin(980 * w)
                    + 0.4 * sin((3100 + 500 * (i % channels)) * w) + 0.3 * hiss));
        }
        int length = opus_encode(encoder, sound, count, packet, sizeof(packet));
        if (length <= 0) {
            exit(1);
        }
        for (int i = -2; i < length && number >= WARM_UP; i++) {
            printf("%d,", i == -2 ? length >> 8 : i == -1 ? length & 0xff : packet[i]);
        }
    }
    printf("0, 0 };\n");
    opus_encoder_destroy(encoder);
}

int main(void) {
    make("silk_60_ms", 60, 1, 24000, SILK);
    make("silk_stereo_60_ms", 60, 2, 40000, SILK);
    make("hybrid_stereo", 20, 2, 48000, HYBRID);
    make("celt_stereo", 20, 2, 128000, CELT);
    return 0;
}
