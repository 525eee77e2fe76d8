// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// SRTP contexts against the published vectors, and at the edges of their windows and pools.

#include "harness.h"

#include <errno.h>

#include "config.h"

#include "aes_icm.h"
#include "sha1.h"
#include "srtp/srtp_core.h"

extern const srtp_cipher_type_t srtp_aes_icm_128, srtp_aes_icm_256;

#define SSRC_OFFSET (8)

static size_t from_hex(const char *text, uint8_t *octets) {
    size_t count = 0;
    for (; text[0] != 0; text += 2) {
        unsigned int value;
        CHECK_EQUAL(sscanf(text, "%2x", &value), 1);
        octets[count++] = (uint8_t)value;
    }
    return count;
}

static struct srtp_core *make(bool sends, int profile, const char *key_salt) {
    struct srtp_core *core;
    uint8_t octets[64];
    size_t length = from_hex(key_salt, octets);
    CHECK_EQUAL(srtp_core_new(&core, sends, profile, octets, length), 0);
    return core;
}

#define KEY_128 "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6"
#define KEY_256 \
    "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b63b04803de51ee7c96423ab5b78d2"

static const char *key_of(int profile) {
    return srtp_core_key_salt_octets(profile) == 30 ? KEY_128 : KEY_256;
}

// A packet of 172 octets whose payload is its sequence number over and over.
static size_t make_rtp(uint8_t *packet, uint32_t ssrc, uint16_t sequence) {
    memset(packet, 0, 12);
    packet[0] = 0x80;
    packet[2] = (uint8_t)(sequence >> 8);
    packet[3] = (uint8_t)sequence;
    for (int i = 0; i < 4; i++) {
        packet[SSRC_OFFSET + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    }
    for (int i = 12; i < 172; i++) {
        packet[i] = packet[2 + i % 2];
    }
    return 172;
}

static size_t make_rtcp(uint8_t *packet, uint32_t ssrc) {
    memset(packet, 0, 28);
    packet[0] = 0x80;
    packet[1] = 200;
    packet[3] = 6;
    for (int i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    }
    return 28;
}

static union {
    uint32_t words[512];
    uint8_t octets[2048];
} buffer;

static size_t sealed(struct srtp_core *core, uint32_t ssrc, uint16_t sequence, uint8_t *packet) {
    size_t length = make_rtp(buffer.octets, ssrc, sequence);
    int answer = srtp_core_protect(core, buffer.octets, length, sizeof(buffer));
    CHECK(answer > 0);
    memcpy(packet, buffer.octets, (size_t)answer);
    return (size_t)answer;
}

static int opened(struct srtp_core *core, const uint8_t *packet, size_t length) {
    memcpy(buffer.octets, packet, length);
    int answer = srtp_core_unprotect(core, buffer.octets, length);
    if (answer < 0) {
        CHECK(memcmp(buffer.octets, packet, length) == 0); // untouched
    } else {
        uint8_t clear[172];
        make_rtp(clear, 0, (uint16_t)(packet[2] << 8 | packet[3]));
        CHECK_EQUAL(answer, 172);
        CHECK(memcmp(buffer.octets + 12, clear + 12, 160) == 0);
    }
    return answer;
}

static size_t sealed_rtcp(struct srtp_core *core, uint32_t ssrc, uint8_t *packet) {
    size_t length = make_rtcp(buffer.octets, ssrc);
    int answer = srtp_core_protect_rtcp(core, buffer.octets, length, sizeof(buffer));
    CHECK_EQUAL(answer, 28 + 14);
    memcpy(packet, buffer.octets, (size_t)answer);
    return (size_t)answer;
}

static int opened_rtcp(struct srtp_core *core, const uint8_t *packet, size_t length) {
    memcpy(buffer.octets, packet, length);
    int answer = srtp_core_unprotect_rtcp(core, buffer.octets, length);
    CHECK(answer > 0 || memcmp(buffer.octets, packet, length) == 0);
    return answer;
}

// Vectors ----------------------------------------------------------------------------------------

#define KEYSTREAM_OCTETS (1044512)

static void check_keystream(const srtp_cipher_type_t *type, const char *key, const char *first,
    const char *second, const char *before_last, const char *last) {
    static uint8_t stream[KEYSTREAM_OCTETS];
    static uint64_t memory[128];
    uint8_t octets[46], iv[16] = { 0 }, wanted[16];
    srtp_aes_icm_ctx_t *state = (srtp_aes_icm_ctx_t *)(void *)memory;
    unsigned int length = sizeof(stream);
    CHECK(sizeof(*state) <= sizeof(memory));
    state->key_size = (int)from_hex(key, octets);
    CHECK_EQUAL(type->init(state, octets), 0);
    CHECK_EQUAL(type->set_iv(state, iv, srtp_direction_encrypt), 0);
    memset(stream, 0, sizeof(stream));
    CHECK_EQUAL(type->encrypt(state, stream, &length), 0);
    from_hex(first, wanted);
    CHECK(memcmp(stream, wanted, 16) == 0);
    from_hex(second, wanted);
    CHECK(memcmp(stream + 16, wanted, 16) == 0);
    from_hex(before_last, wanted);
    CHECK(memcmp(stream + 16 * 0xff00, wanted, 16) == 0);
    from_hex(last, wanted);
    CHECK(memcmp(stream + 16 * 0xff01, wanted, 16) == 0);
}

// RFC 3711 appendix B.2, RFC 6188 section 7.1.
static void test_keystream(void) {
    check_keystream(&srtp_aes_icm_128,
        "2b7e151628aed2a6abf7158809cf4f3c"
        "f0f1f2f3f4f5f6f7f8f9fafbfcfd",
        "e03ead0935c95e80e166b16dd92b4eb4", "d23513162b02d0f72a43a2fe4a5f97ab",
        "362b7c3c6773516318a077d7fc5073ae", "6a2cc3787889374fbeb4c81b17ba6c44");
    check_keystream(&srtp_aes_icm_256,
        "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98"
        "f0f1f2f3f4f5f6f7f8f9fafbfcfd",
        "92bdd28a93c3f52511c677d08b5515a4", "9da71b2378a854f67050756ded165bac",
        "3dbc4814f4da5f00a08772b63c6a046d", "6eb246913062a16891433e97dd01a57f");
}

static void plain_hmac(const uint8_t *key, const uint8_t *data, size_t length, uint8_t tag[20]) {
    srtp_sha1_ctx_t sha;
    uint8_t pad[64] = { 0 };
    uint32_t hash[5];
    memcpy(pad, key, 20);
    for (int i = 0; i < 64; i++) {
        pad[i] ^= 0x36;
    }
    srtp_sha1_init(&sha);
    srtp_sha1_update(&sha, pad, 64);
    srtp_sha1_update(&sha, data, (int)length);
    srtp_sha1_final(&sha, hash);
    for (int i = 0; i < 64; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    srtp_sha1_init(&sha);
    srtp_sha1_update(&sha, pad, 64);
    srtp_sha1_update(&sha, (uint8_t *)hash, 20);
    srtp_sha1_final(&sha, hash);
    memcpy(tag, hash, 20);
}

// A packet protected under the master key is the one made by hand with the session keys that the RFC
// derives from it.
static void check_derivation(int profile, const srtp_cipher_type_t *type, const char *master,
    const char *cipher_key_salt, const char *auth_key) {
    static uint64_t memory[128];
    struct srtp_core *core = make(true, profile, master);
    srtp_aes_icm_ctx_t *state = (srtp_aes_icm_ctx_t *)(void *)memory;
    uint8_t keys[46], auth[20], packet[200], wanted[200], tag[20], iv[16] = { 0 };
    unsigned int octets = 160;
    size_t length = sealed(core, 0xcafebabe, 0x1234, packet);
    make_rtp(wanted, 0xcafebabe, 0x1234);
    memcpy(iv + 4, wanted + 8, 4);
    memcpy(iv + 12, wanted + 2, 2);
    state->key_size = (int)from_hex(cipher_key_salt, keys);
    CHECK_EQUAL(type->init(state, keys), 0);
    CHECK_EQUAL(type->set_iv(state, iv, srtp_direction_encrypt), 0);
    CHECK_EQUAL(type->encrypt(state, wanted + 12, &octets), 0);
    memset(wanted + 172, 0, 4); // rollover counter
    CHECK_EQUAL(from_hex(auth_key, auth), 20);
    plain_hmac(auth, wanted, 176, tag);
    memcpy(wanted + 172, tag, 10);
    CHECK_EQUAL(length, 182);
    CHECK(memcmp(packet, wanted, 182) == 0);
    srtp_core_free(core);
}

// RFC 3711 appendix B.3, RFC 6188 section 7.2.
static void test_key_derivation(void) {
    check_derivation(SRTP_CORE_AES_CM_128_HMAC_SHA1_80, &srtp_aes_icm_128, KEY_128,
        "c61e7a93744f39ee10734afe3ff7a087"
        "30cbbc08863d8c85d49db34a9ae1",
        "cebe321f6ff7716b6fd4ab49af256a156d38baa4");
    check_derivation(SRTP_CORE_AES_256_CM_HMAC_SHA1_80, &srtp_aes_icm_256, KEY_256,
        "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
        "fa31791685ca444a9e07c6c64e93",
        "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
}

// The packets that libsrtp's own test and pylibsrtp know.
static void check_known(int profile, bool rtcp, const char *clear, const char *wanted) {
    struct srtp_core *sender = make(true, profile, key_of(profile));
    struct srtp_core *receiver = make(false, profile, key_of(profile));
    uint8_t octets[64], sealed_octets[64];
    size_t length = from_hex(clear, octets), sealed_length = from_hex(wanted, sealed_octets);
    memcpy(buffer.octets, octets, length);
    CHECK_EQUAL((rtcp ? srtp_core_protect_rtcp : srtp_core_protect)(
                    sender, buffer.octets, length, sizeof(buffer)),
        sealed_length);
    CHECK(memcmp(buffer.octets, sealed_octets, sealed_length) == 0);
    CHECK_EQUAL((rtcp ? srtp_core_unprotect_rtcp : srtp_core_unprotect)(
                    receiver, buffer.octets, sealed_length),
        length);
    CHECK(memcmp(buffer.octets, octets, length) == 0);
    srtp_core_free(sender);
    srtp_core_free(receiver);
}

static void test_known_packets(void) {
    const char *rtp = "800f1234decafbadcafebabeabababababababababababababababab";
    const char *rtcp = "81c8000bcafebabeabababababababababababababababab";
    check_known(SRTP_CORE_AES_CM_128_HMAC_SHA1_80, false, rtp,
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
    check_known(SRTP_CORE_AES_CM_128_HMAC_SHA1_80, true, rtcp,
        "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    check_known(SRTP_CORE_AES_256_CM_HMAC_SHA1_80, false, rtp,
        "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b");
    // The tag of 32 bits is the beginning of the longer one; that of SRTCP stays long.
    check_known(SRTP_CORE_AES_CM_128_HMAC_SHA1_32, false, rtp,
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc");
    check_known(SRTP_CORE_AES_CM_128_HMAC_SHA1_32, true, rtcp,
        "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    check_known(SRTP_CORE_AES_256_CM_HMAC_SHA1_32, false, rtp,
        "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a");
}

// Every length and place of data through the shortcuts of the HMAC.
static void test_lengths(void) {
    for (int profile = 0; profile < SRTP_CORE_PROFILES; profile++) {
        struct srtp_core *sender = make(true, profile, key_of(profile));
        struct srtp_core *receiver = make(false, profile, key_of(profile));
        for (size_t length = 12; length <= 400; length++) {
            uint8_t clear[400];
            memset(clear, (int)length, sizeof(clear));
            make_rtp(buffer.octets, 7, (uint16_t)length);
            memcpy(clear, buffer.octets, length < 172 ? length : 172);
            memcpy(buffer.octets, clear, length);
            int sealed_length =
                srtp_core_protect(sender, buffer.octets, length, length + SRTP_CORE_RTP_TRAILER);
            CHECK(sealed_length > (int)length);
            CHECK_EQUAL(
                srtp_core_unprotect(receiver, buffer.octets, (size_t)sealed_length), length);
            CHECK(memcmp(buffer.octets, clear, length) == 0);
        }
        srtp_core_free(sender);
        srtp_core_free(receiver);
    }
}

// Windows ----------------------------------------------------------------------------------------

// RFC 3711 section 3.3.2: 128 packets, the oldest of them still, the one before it no more.
static void test_window_edges(void) {
    struct srtp_core *sender = make(true, 0, KEY_128), *receiver = make(false, 0, KEY_128);
    static uint8_t packets[300][200];
    size_t length = 0;
    for (int i = 0; i < 300; i++) {
        length = sealed(sender, 1, (uint16_t)(1000 + i), packets[i]);
    }
    CHECK_EQUAL(opened(receiver, packets[299], length), 172);
    CHECK_EQUAL(opened(receiver, packets[299], length), SRTP_CORE_REPLAYED);
    CHECK_EQUAL(opened(receiver, packets[299 - 127], length), 172);
    CHECK_EQUAL(opened(receiver, packets[299 - 127], length), SRTP_CORE_REPLAYED);
    CHECK_EQUAL(opened(receiver, packets[299 - 128], length), SRTP_CORE_REPLAYED);
    CHECK_EQUAL(opened(receiver, packets[0], length), SRTP_CORE_REPLAYED);
    for (int i = 173; i < 299; i++) {
        CHECK_EQUAL(opened(receiver, packets[i], length), 172);
        CHECK_EQUAL(opened(receiver, packets[i], length), SRTP_CORE_REPLAYED);
    }
    srtp_core_free(sender);
    srtp_core_free(receiver);
}

static void test_srtcp_index_replay(void) {
    struct srtp_core *sender = make(true, 1, KEY_128), *receiver = make(false, 1, KEY_128);
    static uint8_t packets[300][64];
    size_t length = 0;
    for (int i = 0; i < 300; i++) {
        length = sealed_rtcp(sender, 1, packets[i]);
        CHECK_EQUAL(packets[i][28 + 2] << 8 | packets[i][28 + 3], i + 1); // index
        CHECK_EQUAL(packets[i][28], 0x80); // E
    }
    CHECK_EQUAL(opened_rtcp(receiver, packets[1], length), 28);
    CHECK_EQUAL(opened_rtcp(receiver, packets[0], length), 28); // out of order
    CHECK_EQUAL(opened_rtcp(receiver, packets[0], length), SRTP_CORE_REPLAYED);
    CHECK_EQUAL(opened_rtcp(receiver, packets[299], length), 28);
    CHECK_EQUAL(opened_rtcp(receiver, packets[299], length), SRTP_CORE_REPLAYED);
    CHECK_EQUAL(opened_rtcp(receiver, packets[1], length), SRTP_CORE_REPLAYED);
    CHECK_EQUAL(opened_rtcp(receiver, packets[299 - 127], length), 28);
    CHECK_EQUAL(opened_rtcp(receiver, packets[299 - 128], length), SRTP_CORE_REPLAYED);
    // A forged index moves nothing; neither does a packet that says it is not encrypted.
    uint8_t forged[64];
    memcpy(forged, packets[200], length);
    forged[28 + 1] = 0x7f;
    CHECK_EQUAL(opened_rtcp(receiver, forged, length), SRTP_CORE_FAILED);
    memcpy(forged, packets[200], length);
    forged[28] = 0;
    CHECK_EQUAL(opened_rtcp(receiver, forged, length), SRTP_CORE_FAILED);
    CHECK_EQUAL(opened_rtcp(receiver, packets[200], length), 28);
    srtp_core_free(sender);
    srtp_core_free(receiver);
}

// Three times round, with every kind of loss about the wrap (RFC 3711 section 3.3.1).
static void check_wrap(uint16_t first, int lost_from, int lost) {
    struct srtp_core *sender = make(true, 0, KEY_128), *receiver = make(false, 0, KEY_128);
    uint8_t packet[200], late[200];
    for (int i = 0; i < 3 * 65536; i++) {
        uint16_t sequence = (uint16_t)(first + i);
        int offset = (sequence - lost_from + 65536) % 65536;
        size_t length = sealed(sender, 1, sequence, packet);
        if (offset < lost) {
            if (offset == lost - 1) {
                memcpy(late, packet, length);
            }
            continue;
        }
        CHECK_EQUAL(opened(receiver, packet, length), 172);
        if (offset == lost && lost > 0 && i >= lost) {
            CHECK_EQUAL(opened(receiver, late, length), 172); // over the wrap backwards
            CHECK_EQUAL(opened(receiver, late, length), SRTP_CORE_REPLAYED);
        }
    }
    srtp_core_free(sender);
    srtp_core_free(receiver);
}

static void test_wrap_with_loss(void) {
    check_wrap(0, 0, 0);
    check_wrap(65000, 65535, 1); // the last before it
    check_wrap(65000, 0, 1); // the first after it
    check_wrap(100, 65500, 100);
    check_wrap(1, 40000, 30000);
}

// A key whose first packets were lost is met after the wrap.
static void test_wrap_before_first(void) {
    struct srtp_core *sender = make(true, 2, KEY_256), *receiver = make(false, 2, KEY_256);
    uint8_t packet[200];
    for (uint16_t sequence = 65530; sequence != 20; sequence++) {
        size_t length = sealed(sender, 1, sequence, packet);
        if (sequence >= 10 && sequence < 100) {
            CHECK_EQUAL(opened(receiver, packet, length), 172);
            CHECK_EQUAL(opened(receiver, packet, length), SRTP_CORE_REPLAYED);
        }
    }
    // Only the first: an SSRC that is known keeps its counter.
    srtp_core_free(sender);
    sender = make(true, 2, KEY_256);
    for (int i = 0; i < 65536 + 30; i++) {
        size_t length = sealed(sender, 1, (uint16_t)i, packet);
        if (i < 20) { // rollover counter 0 is over
            CHECK_EQUAL(
                opened(receiver, packet, length), i < 10 ? SRTP_CORE_FAILED : SRTP_CORE_REPLAYED);
        }
        if (i >= 65536 + 20) {
            CHECK_EQUAL(opened(receiver, packet, length), 172);
        }
    }
    srtp_core_free(sender);
    srtp_core_free(receiver);
}

// Sources ----------------------------------------------------------------------------------------

static void test_many_sources(void) {
    struct srtp_core *sender = make(true, 0, KEY_128), *receiver = make(false, 0, KEY_128);
    static uint8_t heard[SRTP_CORE_SOURCES][200], reports[SRTP_CORE_SOURCES][64];
    uint8_t packet[200];
    size_t length = 0, report_length = 0;
    // Forged ones take no place in the table.
    for (uint32_t i = 0; i < 1000; i++) {
        length = sealed(sender, 1, (uint16_t)(1 + i), packet);
        packet[8] = 0x55;
        packet[11] = (uint8_t)i;
        CHECK_EQUAL(opened(receiver, packet, length), SRTP_CORE_FAILED);
    }
    for (uint32_t i = 0; i < SRTP_CORE_SOURCES; i++) {
        struct srtp_core *other = make(true, 0, KEY_128);
        sealed(other, 50 + i, 30000, packet);
        CHECK_EQUAL(opened(receiver, packet, length), 172);
        sealed(other, 50 + i, 30005, heard[i]);
        CHECK_EQUAL(opened(receiver, heard[i], length), 172);
        report_length = sealed_rtcp(other, 50 + i, reports[i]);
        CHECK_EQUAL(opened_rtcp(receiver, reports[i], report_length), 28);
        sealed_rtcp(other, 50 + i, reports[i]);
        CHECK_EQUAL(opened_rtcp(receiver, reports[i], report_length), 28);
        // Forged packets of another SSRC leave the window of this one as it is.
        memcpy(packet, heard[i], length);
        packet[8] ^= 0x40;
        CHECK_EQUAL(opened(receiver, packet, length),
            i == SRTP_CORE_SOURCES - 1 ? SRTP_CORE_CROWDED : SRTP_CORE_FAILED);
        CHECK_EQUAL(opened(receiver, heard[i], length), SRTP_CORE_REPLAYED);
        sealed(other, 50 + i, 30006, packet);
        CHECK_EQUAL(opened(receiver, packet, length), 172);
        srtp_core_free(other);
    }
    // One too many.
    struct srtp_core *other = make(true, 0, KEY_128);
    sealed(other, 49, 1, packet);
    CHECK_EQUAL(opened(receiver, packet, length), SRTP_CORE_CROWDED);
    sealed_rtcp(other, 49, packet);
    CHECK_EQUAL(opened_rtcp(receiver, packet, report_length), SRTP_CORE_CROWDED);
    srtp_core_free(other);
    for (uint32_t i = 0; i < SRTP_CORE_SOURCES; i++) {
        // What an SSRC sent before it was left cannot be replayed, and it may go on.
        CHECK_EQUAL(opened(receiver, heard[i], length), SRTP_CORE_REPLAYED);
        CHECK_EQUAL(opened_rtcp(receiver, reports[i], report_length), SRTP_CORE_REPLAYED);
        other = make(true, 0, KEY_128);
        sealed(other, 50 + i, 30007, packet);
        CHECK_EQUAL(opened(receiver, packet, length), 172);
        CHECK_EQUAL(opened(receiver, packet, length), SRTP_CORE_REPLAYED);
        sealed_rtcp(other, 50 + i, packet);
        sealed_rtcp(other, 50 + i, packet);
        CHECK_EQUAL(opened_rtcp(receiver, packet, report_length), SRTP_CORE_REPLAYED);
        sealed_rtcp(other, 50 + i, packet);
        CHECK_EQUAL(opened_rtcp(receiver, packet, report_length), 28);
        CHECK_EQUAL(opened_rtcp(receiver, packet, report_length), SRTP_CORE_REPLAYED);
        srtp_core_free(other);
    }
    srtp_core_free(sender);
    srtp_core_free(receiver);
}

// A sender with two SSRCs never uses an index twice.
static void test_sender_of_two(void) {
    struct srtp_core *sender = make(true, 0, KEY_128), *receiver = make(false, 0, KEY_128);
    uint8_t packet[200];
    for (int i = 0; i < 200; i++) {
        size_t length = sealed(sender, 1 + (uint32_t)i % 2, (uint16_t)(65500 + i), packet);
        CHECK_EQUAL(opened(receiver, packet, length), 172);
        length = sealed_rtcp(sender, 1 + (uint32_t)i % 2, packet);
        CHECK_EQUAL(packet[31], 1 + i / 2);
        CHECK_EQUAL(opened_rtcp(receiver, packet, length), 28);
    }
    make_rtp(buffer.octets, 1, (uint16_t)(65500 + 190));
    CHECK_EQUAL(srtp_core_protect(sender, buffer.octets, 172, sizeof(buffer)), SRTP_CORE_REPLAYED);
    srtp_core_free(sender);
    srtp_core_free(receiver);
}

// Pools and bounds -------------------------------------------------------------------------------

static void test_pool(void) {
    struct srtp_core *cores[SRTP_CORE_CONTEXTS], *one_more;
    uint8_t key_salt[46] = { 0 };
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SRTP_CORE_CONTEXTS; i++) {
            CHECK_EQUAL(srtp_core_new(&cores[i], true, 2, key_salt, 46), 0);
        }
        CHECK_EQUAL(srtp_core_used(), SRTP_CORE_CONTEXTS);
        CHECK_EQUAL(srtp_core_new(&one_more, true, 2, key_salt, 46), -ENOMEM);
        for (int i = 0; i < SRTP_CORE_CONTEXTS; i++) {
            srtp_core_free(cores[i]);
        }
        CHECK_EQUAL(srtp_core_used(), 0);
    }
    CHECK_EQUAL(srtp_core_new(&one_more, true, -1, key_salt, 30), -EINVAL);
    CHECK_EQUAL(srtp_core_new(&one_more, true, SRTP_CORE_PROFILES, key_salt, 30), -EINVAL);
    CHECK_EQUAL(srtp_core_new(&one_more, true, 0, key_salt, 46), -EINVAL);
    CHECK_EQUAL(srtp_core_new(&one_more, true, 2, key_salt, 30), -EINVAL);
    CHECK_EQUAL(srtp_core_used(), 0);
    srtp_core_free(NULL);
}

// A key that is given back leaves nothing behind.
static void test_erased(void) {
    struct srtp_core *core = make(true, 2, KEY_256);
    uint8_t key[46];
    from_hex(KEY_256, key);
    CHECK(srtp_core_has_key(core, 2, key, 46));
    CHECK(!srtp_core_has_key(core, 3, key, 46));
    CHECK(!srtp_core_has_key(NULL, 2, key, 46));
    srtp_core_free(core);
    const uint8_t *octets = (const uint8_t *)core;
    for (int i = 0; i < 2048; i++) {
        CHECK_EQUAL(octets[i], 0);
    }
}

static void test_bounds(void) {
    struct srtp_core *core = make(true, 0, KEY_128), *receiver = make(false, 0, KEY_128);
    make_rtp(buffer.octets, 1, 1);
    CHECK_EQUAL(srtp_core_protect(core, buffer.octets, 172, 181), SRTP_CORE_MALFORMED);
    CHECK_EQUAL(srtp_core_protect(core, buffer.octets, 11, 100), SRTP_CORE_MALFORMED);
    CHECK_EQUAL(srtp_core_protect(core, buffer.octets, SRTP_CORE_PACKET_MAX - 9, sizeof(buffer)),
        SRTP_CORE_MALFORMED);
    CHECK_EQUAL(srtp_core_protect(core, buffer.octets + 1, 172, 1000), SRTP_CORE_MALFORMED);
    CHECK_EQUAL(srtp_core_unprotect(receiver, buffer.octets + 2, 182), SRTP_CORE_MALFORMED);
    CHECK_EQUAL(srtp_core_protect(core, buffer.octets, SRTP_CORE_PACKET_MAX - 10, sizeof(buffer)),
        SRTP_CORE_PACKET_MAX);
    CHECK_EQUAL(srtp_core_unprotect(receiver, buffer.octets, SRTP_CORE_PACKET_MAX),
        SRTP_CORE_PACKET_MAX - 10);
    make_rtcp(buffer.octets, 1);
    CHECK_EQUAL(srtp_core_protect_rtcp(core, buffer.octets, 28, 41), SRTP_CORE_MALFORMED);
    CHECK_EQUAL(srtp_core_protect_rtcp(core, buffer.octets, 7, 100), SRTP_CORE_MALFORMED);
    for (size_t length = 0; length < 200; length++) {
        memset(buffer.octets, 0xff, sizeof(buffer));
        CHECK(srtp_core_unprotect(receiver, buffer.octets, length) < 0);
        CHECK(srtp_core_unprotect_rtcp(receiver, buffer.octets, length) < 0);
        buffer.octets[0] = 0x80;
        CHECK(srtp_core_unprotect(receiver, buffer.octets, length) < 0);
    }
    srtp_core_free(core);
    srtp_core_free(receiver);
}

int main(void) {
    RUN(test_keystream);
    RUN(test_key_derivation);
    RUN(test_known_packets);
    RUN(test_lengths);
    RUN(test_window_edges);
    RUN(test_srtcp_index_replay);
    RUN(test_wrap_with_loss);
    RUN(test_wrap_before_first);
    RUN(test_many_sources);
    RUN(test_sender_of_two);
    RUN(test_pool);
    RUN(test_erased);
    RUN(test_bounds);
    return 0;
}
