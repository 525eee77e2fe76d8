// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// One libsrtp stream for every SSRC of a key (srtp_sources.c).

#ifndef VOX6_SRTP_SOURCES_H
#define VOX6_SRTP_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "srtp_priv.h"

// What is put aside while a packet of another SSRC is tried.
struct sources_saved {
    bool other; // the packet is not of the SSRC that the stream held
    bool fresh; // nor of any that the key has seen in this protocol
    uint64_t index;
    uint32_t mask[4];
    srtp_rdb_t rdb;
};

bool sources_begin(
    srtp_t session, uint32_t ssrc, bool rtcp, struct sources_saved *saved, srtp_stream_t *stream);
void sources_commit(srtp_t session, uint32_t ssrc, bool rtcp, const struct sources_saved *saved);
void sources_restore(srtp_t session, bool rtcp, const struct sources_saved *saved);

#endif
