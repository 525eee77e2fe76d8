// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Bursts and gaps of losses (RFC 3611 section 4.7.2 and appendix A.2). Engine context.

#include "media/stream.h"

#define GAP_FRAMES (16) // Gmin: so many frames without a loss on both sides make a loss single

static void note_frame(struct media_bursts *bursts, bool lost) {
    if (!lost) {
        bursts->since++;
        return;
    }
    if (bursts->since >= GAP_FRAMES) {
        if (bursts->losses > 1) {
            bursts->c13++;
        } else {
            bursts->c14++;
        }
        bursts->losses = 1;
        bursts->c11 += bursts->since;
    } else {
        bursts->losses++;
        if (bursts->since == 0) {
            bursts->c33++;
        } else {
            bursts->c23++;
            bursts->c22 += bursts->since - 1;
        }
    }
    bursts->since = 0;
}

static void note_ticks(struct media_bursts *bursts, bool lost, size_t ticks) {
    bursts->ticks += (uint32_t)ticks;
    bursts->damaged |= lost;
    while (bursts->ticks >= MEDIA_TICKS_PER_FRAME) {
        note_frame(bursts, bursts->damaged);
        bursts->ticks -= MEDIA_TICKS_PER_FRAME;
        bursts->damaged = lost && bursts->ticks > 0;
    }
}

// So many ticks were played, had to be made up because they were lost or too late, or were of a
// pause. What is lost counts when sound comes again: until then the peer may just have stopped.
void media_note_played(struct media_bursts *bursts, enum jitter_kind kind, size_t ticks) {
    if (kind == JITTER_GAP) {
        bursts->missing += (uint32_t)ticks;
    } else {
        if (kind == JITTER_SOUND) {
            if (bursts->missing > 0) {
                note_ticks(bursts, true, bursts->missing);
            }
            note_ticks(bursts, false, ticks);
        }
        bursts->missing = 0;
    }
}
