// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "speaker/speaker_core.h"

#include <string.h>

#include "engine/engine.h"
#include "speaker/level.h"
#include "speaker/speexdsp_unit.h"
#include "speex/speex_echo.h"
#include "speex/speex_preprocess.h"

#define NOISE_SUPPRESS_DB (-15) // at most; more makes speech sound like water
#define ECHO_SUPPRESS_DB (-45) // of what the canceller leaves, while the far end speaks alone
#define ECHO_SUPPRESS_ACTIVE_DB (-20) // and in double talk

static struct {
    bool active; // frames are cleaned
    struct speaker_config config;
    void *memory; // the caller's
    uint32_t rate;
    size_t frame; // samples of 20 ms
    size_t delay; // samples between what is played and what the canceller takes for it
    SpeexEchoState *echo;
    SpeexPreprocessState *preprocess;
    struct level level;
    struct level_loss loss;
    int16_t
        reference[AUDIO_RATE_MAX / 1000 * SPEAKER_DELAY_MS_MAX + AUDIO_FRAME_MAX]; // oldest first
    uint32_t frames;
} speaker;

// Octets that speaker_configure() wants for it.
size_t speaker_memory(const struct speaker_config *config) {
    return config->echo ? SPEAKER_ECHO_OCTETS : config->noise ? SPEAKER_NOISE_OCTETS : 0;
}

// Makes the states anew: what was learned of the room is lost.
static void build(void) {
    spx_int32_t rate = (spx_int32_t)speaker.rate;
    const struct speaker_config *config = &speaker.config;
    speaker_arena_begin(speaker.memory, speaker_memory(config));
    speaker.frame = speaker.rate / 1000 * AUDIO_FRAME_MS;
    speaker.delay = speaker.rate / 1000 * config->delay_ms;
    speaker.echo = NULL;
    speaker.preprocess = NULL;
    memset(speaker.reference, 0, sizeof(speaker.reference));
    level_start(&speaker.level);
    memset(&speaker.loss, 0, sizeof(speaker.loss));
    if (config->echo) {
        speaker.echo = speex_echo_state_init(SPEAKER_BLOCK, SPEAKER_TAIL);
        speex_echo_ctl(speaker.echo, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
    }
    if (config->echo || config->noise) {
        spx_int32_t noise = config->noise ? NOISE_SUPPRESS_DB : 0;
        spx_int32_t suppress = ECHO_SUPPRESS_DB;
        spx_int32_t active = ECHO_SUPPRESS_ACTIVE_DB;
        speaker.preprocess = speex_preprocess_state_init(SPEAKER_BLOCK, rate);
        speex_preprocess_ctl(speaker.preprocess, SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, &noise);
        speex_preprocess_ctl(speaker.preprocess, SPEEX_PREPROCESS_SET_ECHO_SUPPRESS, &suppress);
        speex_preprocess_ctl(
            speaker.preprocess, SPEEX_PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE, &active);
        if (config->echo) {
            speex_preprocess_ctl(
                speaker.preprocess, SPEEX_PREPROCESS_SET_ECHO_STATE, speaker.echo);
        }
    }
}

// True if this is in force.
bool speaker_is(const struct speaker_config *config) {
    const struct speaker_config *now = &speaker.config;
    return now->echo == config->echo && now->noise == config->noise && now->gain == config->gain
        && now->delay_ms == config->delay_ms;
}

// What is to be done with the frames from the next tick on, and the rate of the device. memory:
// speaker_memory() octets, aligned to 8, in use until the next call; the memory of the last call is
// free then.
void speaker_configure(const struct speaker_config *config, uint32_t rate, void *memory) {
    engine_enter();
    speaker.active = false; // the engine looks at nothing else until it is true again
    engine_exit();
    speaker.config = *config;
    speaker.memory = memory;
    speaker.rate = rate;
    build();
    engine_enter();
    speaker.active = config->echo || config->noise || config->gain;
    engine_exit();
}

// The device runs at another rate. The room has to be learned anew.
void speaker_set_rate(uint32_t rate) {
    if (speaker.rate != rate) {
        struct speaker_config config = speaker.config;
        speaker_configure(&config, rate, speaker.memory);
    }
}

void speaker_figures(struct speaker_figures *figures) {
    engine_enter();
    figures->echo_return_loss_db = level_loss_db(&speaker.loss);
    figures->gain_db = level_gain_db(&speaker.level);
    figures->frames = speaker.frames;
    engine_exit();
}

// Takes echo and noise out of a frame of the microphone, in place.
void speaker_clean(int16_t *microphone, size_t count) {
    static int16_t cleaned[SPEAKER_BLOCK];
    if (!speaker.active || count != speaker.frame) {
        return;
    }
    uint64_t before = level_power(microphone, count);
    uint64_t far = level_power(speaker.reference, count);
    for (size_t at = 0; at < count; at += SPEAKER_BLOCK) {
        if (speaker.echo != NULL) {
            speex_echo_cancellation(
                speaker.echo, microphone + at, speaker.reference + at, cleaned);
            memcpy(microphone + at, cleaned, sizeof(cleaned));
        }
        if (speaker.preprocess != NULL) {
            speex_preprocess_run(speaker.preprocess, microphone + at);
        }
    }
    if (speaker.echo != NULL) {
        level_loss_note(&speaker.loss, far, before, level_power(microphone, count));
    }
    if (speaker.config.gain) {
        level_control(&speaker.level, microphone, count, far);
    }
    speaker.frames++;
}

// Keeps a frame that goes to the speaker now, for its echo to come.
void speaker_played(const int16_t *samples, size_t count) {
    if (!speaker.active || count != speaker.frame) {
        return;
    }
    memmove(speaker.reference, speaker.reference + count, speaker.delay * sizeof(samples[0]));
    memcpy(speaker.reference + speaker.delay, samples, count * sizeof(samples[0]));
}
