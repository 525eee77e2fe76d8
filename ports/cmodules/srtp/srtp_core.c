// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "srtp/srtp_core.h"

#include <errno.h>
#include <string.h>

#include "srtp_sources.h"

#define SALT_OCTETS (14)
#define WINDOW (128) // packets (RFC 3711 section 3.3.2: at least 64)
#define AUTH_KEY_OCTETS (20)
#define RTCP_TAG_OCTETS (10) // in every profile: RFC 4568 section 6.2, RFC 6188 section 4

// What libsrtp asks for one session with one stream. Pointers are longer on a host.
#define ARENA_OCTETS (sizeof(void *) == 4 ? 1576 : 1880)

#define RTP_HEADER_OCTETS (12)
#define RTCP_HEADER_OCTETS (8)

struct srtp_core {
    bool used;
    uint8_t profile;
    uint16_t top; // octets of the arena in use
    srtp_t session;
    uint8_t key_salt[SRTP_CORE_KEY_SALT_MAX];
    uint64_t arena[ARENA_OCTETS / sizeof(uint64_t)];
};

static struct srtp_core contexts[SRTP_CORE_CONTEXTS];
static struct srtp_core *building; // the one that srtp_core_new() makes

static const struct {
    uint8_t key_salt_octets;
    uint8_t tag_octets;
    srtp_cipher_type_id_t cipher;
} profiles[SRTP_CORE_PROFILES] = {
    { 16 + SALT_OCTETS, 10, SRTP_AES_ICM_128 },
    { 16 + SALT_OCTETS, 4, SRTP_AES_ICM_128 },
    { 32 + SALT_OCTETS, 10, SRTP_AES_ICM_256 },
    { 32 + SALT_OCTETS, 4, SRTP_AES_ICM_256 },
};

const char *const srtp_core_names[SRTP_CORE_PROFILES] = {
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
};

// Secrets are overwritten although nobody reads them again.
static void erase(void *octets, size_t length) {
    memset(octets, 0, length);
    __asm__ volatile("" : : "r"(octets) : "memory");
}

// ---------------------------------------------------------------------------------------------
// libsrtp's allocator: pieces of the context that is being made, one after another. Nothing is asked
// for beside that, as no stream is ever added to a session (srtp_sources.c).

void *srtp_crypto_alloc(size_t size) {
    struct srtp_core *core = building;
    size = (size + 7) & ~(size_t)7;
    if (core == NULL || size == 0 || size > sizeof(core->arena) - core->top) {
        return NULL;
    }
    uint8_t *octets = (uint8_t *)core->arena + core->top;
    core->top += (uint16_t)size;
    memset(octets, 0, size);
    return octets;
}

// All goes at once, in srtp_core_free().
void srtp_crypto_free(void *octets) {
    (void)octets;
}

// ---------------------------------------------------------------------------------------------
// Contexts

// Returns the profile of that name, or -1.
int srtp_core_find(const char *name, size_t length) {
    for (int i = 0; i < SRTP_CORE_PROFILES; i++) {
        if (strlen(srtp_core_names[i]) == length
            && memcmp(srtp_core_names[i], name, length) == 0) {
            return i;
        }
    }
    return -1;
}

// Octets of master key and master salt together.
size_t srtp_core_key_salt_octets(int profile) {
    return profiles[profile].key_salt_octets;
}

static srtp_crypto_policy_t policy_of(int profile, int tag_octets) {
    return (srtp_crypto_policy_t){
        .cipher_type = profiles[profile].cipher,
        .cipher_key_len = profiles[profile].key_salt_octets,
        .auth_type = SRTP_HMAC_SHA1,
        .auth_key_len = AUTH_KEY_OCTETS,
        .auth_tag_len = tag_octets,
        .sec_serv = sec_serv_conf_and_auth,
    };
}

// Makes a context whose rollover counter is 0 (RFC 4568 section 6.4.1, RFC 6189 section 5.1.4).
// sends: the direction. key_salt: copied. VM context; some 20,000 instructions. Returns 0, -EINVAL, or
// -ENOMEM.
int srtp_core_new(
    struct srtp_core **out, bool sends, int profile, const uint8_t *key_salt, size_t length) {
    if (profile < 0 || profile >= SRTP_CORE_PROFILES
        || length != profiles[profile].key_salt_octets) {
        return -EINVAL;
    }
    struct srtp_core *core = NULL;
    for (int i = 0; i < SRTP_CORE_CONTEXTS && core == NULL; i++) {
        core = contexts[i].used ? NULL : &contexts[i];
    }
    if (core == NULL) {
        return -ENOMEM;
    }
    core->used = true;
    core->profile = (uint8_t)profile;
    core->top = 0;
    memcpy(core->key_salt, key_salt, length);
    srtp_policy_t policy = {
        .ssrc = { ssrc_specific, 0 },
        .rtp = policy_of(profile, profiles[profile].tag_octets),
        .rtcp = policy_of(profile, RTCP_TAG_OCTETS),
        .key = core->key_salt,
        .window_size = WINDOW,
    };
    building = core;
    srtp_err_status_t status = srtp_create(&core->session, &policy);
    building = NULL;
    if (status != srtp_err_status_ok) {
        srtp_core_free(core);
        return -ENOMEM;
    }
    srtp_get_stream(core->session, 0)->direction = sends ? dir_srtp_sender : dir_srtp_receiver;
    *out = core;
    return 0;
}

// Overwrites the secrets and gives the context back; NULL is allowed. VM context, and the engine must
// know it no more.
void srtp_core_free(struct srtp_core *core) {
    if (core != NULL) {
        erase(core, sizeof(*core));
    }
}

int srtp_core_profile_of(const struct srtp_core *core) {
    return core->profile;
}

// A key that is set twice must keep its one context: a second would take every packet once more, and
// encrypt anew from rollover counter 0 (RFC 3711 section 9.1).
bool srtp_core_has_key(
    const struct srtp_core *core, int profile, const uint8_t *key_salt, size_t length) {
    return core != NULL && core->profile == profile && length == profiles[profile].key_salt_octets
        && memcmp(core->key_salt, key_salt, length) == 0;
}

// Contexts in use.
size_t srtp_core_used(void) {
    size_t used = 0;
    for (int i = 0; i < SRTP_CORE_CONTEXTS; i++) {
        used += contexts[i].used;
    }
    return used;
}

// ---------------------------------------------------------------------------------------------
// Packets

static int answer(srtp_err_status_t status, int length) {
    switch (status) {
        case srtp_err_status_ok:
            return length;
        case srtp_err_status_replay_fail:
        case srtp_err_status_replay_old:
        case srtp_err_status_pkt_idx_old:
            return SRTP_CORE_REPLAYED;
        case srtp_err_status_bad_param:
        case srtp_err_status_parse_err:
            return SRTP_CORE_MALFORMED;
        case srtp_err_status_key_expired:
            return SRTP_CORE_EXPIRED;
        default:
            return SRTP_CORE_FAILED;
    }
}

static uint32_t ssrc_of(const uint8_t *packet, bool rtcp) {
    uint32_t ssrc;
    memcpy(&ssrc, packet + (rtcp ? 4 : 8), sizeof(ssrc));
    return ssrc;
}

static bool well_placed(const uint8_t *packet, size_t length, size_t least) {
    return (uintptr_t)packet % sizeof(uint32_t) == 0 && length >= least
        && length <= SRTP_CORE_PACKET_MAX;
}

// Encrypts and signs an RTP packet in place (RFC 3711 section 3.3). packet: aligned to 4, of size
// octets, at least SRTP_CORE_RTP_TRAILER more than length. Sequence numbers must go upwards, and
// wrap. Returns the new length or an enum srtp_core_error.
__attribute__((noinline)) int srtp_core_protect(
    struct srtp_core *core, uint8_t *packet, size_t length, size_t size) {
    struct sources_saved saved;
    srtp_stream_t stream;
    if (size < length + SRTP_CORE_RTP_TRAILER
        || !well_placed(packet, length + SRTP_CORE_RTP_TRAILER, RTP_HEADER_OCTETS)) {
        return SRTP_CORE_MALFORMED;
    }
    uint32_t ssrc = ssrc_of(packet, false);
    if (!sources_begin(core->session, ssrc, false, &saved, &stream)) {
        return SRTP_CORE_CROWDED;
    }
    int octets = (int)length;
    srtp_err_status_t status = srtp_protect(core->session, packet, &octets);
    if (status == srtp_err_status_ok) {
        sources_commit(core->session, ssrc, false, &saved);
    } else {
        sources_restore(core->session, false, &saved);
    }
    return answer(status, octets);
}

// Verifies and decrypts an SRTP packet in place; packet is aligned to 4 and unchanged unless it is
// authentic. Returns the new length or an enum srtp_core_error.
//
// The first packet of an SSRC may come after its sequence number wrapped, when those before were
// lost: then rollover counter 1 is tried as well (RFC 3711 section 3.3.1 leaves this to signalling).
__attribute__((noinline)) int srtp_core_unprotect(
    struct srtp_core *core, uint8_t *packet, size_t length) {
    struct sources_saved saved;
    srtp_stream_t stream;
    if (!well_placed(packet, length, RTP_HEADER_OCTETS + profiles[core->profile].tag_octets)) {
        return SRTP_CORE_MALFORMED;
    }
    uint32_t ssrc = ssrc_of(packet, false);
    if (!sources_begin(core->session, ssrc, false, &saved, &stream)) {
        return SRTP_CORE_CROWDED;
    }
    int octets = (int)length;
    srtp_err_status_t status = srtp_unprotect(core->session, packet, &octets);
    if (status == srtp_err_status_auth_fail && saved.fresh && packet[2] < 0x80) {
        stream->pending_roc = 1;
        status = srtp_unprotect(core->session, packet, &octets);
        stream->pending_roc = 0;
    }
    if (status == srtp_err_status_ok) {
        sources_commit(core->session, ssrc, false, &saved);
    } else {
        sources_restore(core->session, false, &saved);
    }
    return answer(status, octets);
}

// The same for a compound RTCP packet (RFC 3711 section 3.4); at least SRTP_CORE_RTCP_TRAILER octets
// more than length are needed.
int srtp_core_protect_rtcp(struct srtp_core *core, uint8_t *packet, size_t length, size_t size) {
    struct sources_saved saved;
    srtp_stream_t stream;
    if (size < length + SRTP_CORE_RTCP_TRAILER
        || !well_placed(packet, length + SRTP_CORE_RTCP_TRAILER, RTCP_HEADER_OCTETS)) {
        return SRTP_CORE_MALFORMED;
    }
    uint32_t ssrc = ssrc_of(packet, true);
    if (!sources_begin(core->session, ssrc, true, &saved, &stream)) {
        return SRTP_CORE_CROWDED;
    }
    int octets = (int)length;
    srtp_err_status_t status = srtp_protect_rtcp(core->session, packet, &octets);
    if (status == srtp_err_status_ok) {
        sources_commit(core->session, ssrc, true, &saved);
    } else {
        sources_restore(core->session, true, &saved);
    }
    return answer(status, octets);
}

int srtp_core_unprotect_rtcp(struct srtp_core *core, uint8_t *packet, size_t length) {
    struct sources_saved saved;
    srtp_stream_t stream;
    if (!well_placed(packet, length, RTCP_HEADER_OCTETS + SRTP_CORE_RTCP_TRAILER)) {
        return SRTP_CORE_MALFORMED;
    }
    uint32_t ssrc = ssrc_of(packet, true);
    if (!sources_begin(core->session, ssrc, true, &saved, &stream)) {
        return SRTP_CORE_CROWDED;
    }
    int octets = (int)length;
    srtp_err_status_t status = srtp_unprotect_rtcp(core->session, packet, &octets);
    if (status == srtp_err_status_ok) {
        sources_commit(core->session, ssrc, true, &saved);
    } else {
        sources_restore(core->session, true, &saved);
    }
    return answer(status, octets);
}
