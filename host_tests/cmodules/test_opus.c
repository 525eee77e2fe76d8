// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Opus: what we write against libopus' own decoder inside opus_voice.c, loss and its redundancy,
// packets of any length, and streams with other clocks than 8000.

#include <errno.h>

#include "media/rtp.h"
#include "peer.h"
#include "voicecodecs/opus_voice.h"

// Something like a voice: a buzz with a melody, three formants and pauses.
static void voice(int16_t *samples, size_t count, size_t *position) {
    static double z[3][2], phase;
    static const double formants[3] = { 600, 1400, 2800 };
    for (size_t i = 0; i < count; i++, ++*position) {
        double t = (double)*position / 16000;
        phase += (130 + 30 * sin(2 * M_PI * 0.7 * t)) / 16000;
        double excitation = (random_unit() - 0.5) * 40;
        if (phase >= 1) {
            phase -= 1;
            excitation += 3000;
        }
        double sum = 0;
        for (int n = 0; n < 3; n++) {
            double r = 0.96, w = 2 * M_PI * formants[n] / 16000;
            double y = excitation + 2 * r * cos(w) * z[n][0] - r * r * z[n][1];
            z[n][1] = z[n][0];
            z[n][0] = y;
            sum += y / (n + 1);
        }
        double envelope = sin(2 * M_PI * 1.5 * t);
        samples[i] = (int16_t)(sum * 0.5 * (envelope > 0 ? envelope : 0.01));
    }
}

// Encodes and decodes 4 s, losing some packets; returns the segmental error over the frames that
// follow no loss, and over the lost ones, in dB below the voice. fec: whether redundancy is used.
static double lost_db(int every, bool fec, double *clean_db, size_t *octets) {
    struct opus_voice *pair = opus_voice_get();
    static int16_t in[200][320], out[200][320], perfect[200][320];
    static uint8_t packets[200][256];
    size_t lengths[200], position = 0;
    CHECK(pair != NULL);
    random_state = 5;
    opus_voice_tune(pair, 24000, fec ? 20 : 0);
    *octets = 0;
    for (int i = 0; i < 200; i++) {
        voice(in[i], 320, &position);
        lengths[i] = opus_voice_encode(pair, in[i], packets[i]);
        CHECK_BETWEEN(lengths[i], 3, 256);
        *octets += lengths[i];
    }
    for (int i = 0; i < 200; i++) {
        CHECK_EQUAL(opus_voice_decode(pair, packets[i], lengths[i], perfect[i]), 320);
    }
    opus_voice_start_decoder(pair);
    double lost_error = 0, lost_power = 0, error = 0, power_of = 0;
    for (int i = 0; i < 200; i++) {
        bool lost = every > 0 && i % every == every - 1 && i + 1 < 200;
        if (lost) {
            bool redundant = opus_voice_is_redundant(packets[i + 1], lengths[i + 1]);
            CHECK(fec || !redundant);
            opus_voice_conceal(pair, packets[i + 1], redundant ? lengths[i + 1] : 0, out[i], 320);
        } else {
            CHECK_EQUAL(opus_voice_decode(pair, packets[i], lengths[i], out[i]), 320);
        }
        for (int n = 0; n < 320; n++) {
            double e = out[i][n] - perfect[i][n], p = perfect[i][n];
            *(lost ? &lost_error : &error) += e * e;
            *(lost ? &lost_power : &power_of) += p * p;
        }
    }
    opus_voice_put(pair);
    *clean_db = 10 * log10(power_of / (error + 1));
    return 10 * log10(lost_power / (lost_error + 1));
}

static void test_rate_and_redundancy(void) {
    double clean, clean_fec;
    size_t octets, octets_fec;
    double plc = lost_db(10, false, &clean, &octets);
    double fec = lost_db(10, true, &clean_fec, &octets_fec);
    printf("   lost frames: %.1f dB concealed, %.1f dB by redundancy; %zu and %zu bit/s\n", plc,
        fec, octets * 2, octets_fec * 2);
    CHECK_BETWEEN(octets * 2, 8000, 25000); // VBR: the pauses cost less
    CHECK_BETWEEN(octets_fec * 2, 8000, 26000);
    CHECK_BETWEEN(fec, plc + 3, 60);
    CHECK_BETWEEN(clean_fec, clean, 60);
    lost_db(0, false, &clean, &octets);
    CHECK_BETWEEN(clean, 100, 999); // the decoder's state is all that there is
}

static void test_pool(void) {
    struct opus_voice *pairs[OPUS_VOICE_PAIRS];
    for (int i = 0; i < OPUS_VOICE_PAIRS; i++) {
        pairs[i] = opus_voice_get();
        CHECK(pairs[i] != NULL);
    }
    CHECK(opus_voice_get() == NULL);
    CHECK_EQUAL(opus_voice_used(), OPUS_VOICE_PAIRS);
    for (int i = 0; i < OPUS_VOICE_PAIRS; i++) {
        opus_voice_put(pairs[i]);
    }
    opus_voice_put(NULL);
    CHECK_EQUAL(opus_voice_used(), 0);
}

// Packets of libopus' rules (RFC 6716 section 3.2): 20 ms frames of ours, joined to longer packets.
static size_t join(
    const uint8_t *const frames[], const size_t lengths[], int count, uint8_t *out) {
    size_t at = 2;
    out[0] = (uint8_t)(frames[0][0] | 3);
    out[1] = (uint8_t)(0x80 | count);
    for (int i = 0; i + 1 < count; i++) {
        CHECK(lengths[i] - 1 < 252);
        out[at++] = (uint8_t)(lengths[i] - 1);
    }
    for (int i = 0; i < count; i++) {
        memcpy(out + at, frames[i] + 1, lengths[i] - 1);
        at += lengths[i] - 1;
    }
    return at;
}

// A long packet is cut into pieces that decode to what the frames do one by one.
static void test_cut(void) {
    struct opus_voice *pair = opus_voice_get();
    static uint8_t packets[6][256];
    static int16_t in[320], one[6 * 320], other[6 * 320 + 960];
    static struct opus_voice_unit unit;
    const uint8_t *frames[6];
    size_t lengths[6], position = 0, count;
    uint8_t whole[1500];
    for (int i = 0; i < 6; i++) {
        voice(in, 320, &position);
        frames[i] = packets[i];
        lengths[i] = opus_voice_encode(pair, in, packets[i]);
        opus_voice_decode(pair, packets[i], lengths[i], one + 320 * i);
    }
    for (int joined = 1; joined <= 6; joined++) {
        size_t length = join(frames, lengths, joined, whole);
        CHECK_EQUAL(opus_voice_samples(whole, length), 320 * joined);
        opus_voice_start_decoder(pair);
        count = 0;
        size_t pieces = 0;
        for (; opus_voice_cut(whole, length, pieces, &unit); pieces++) {
            CHECK(unit.samples <= OPUS_VOICE_SAMPLES_MAX);
            CHECK_EQUAL(
                opus_voice_decode(pair, unit.octets, unit.length, other + count), unit.samples);
            count += unit.samples;
        }
        CHECK_EQUAL(pieces, joined <= 3 ? 1 : 2);
        CHECK_EQUAL(count, 320 * joined);
        CHECK(memcmp(one, other, count * 2) == 0);
    }
    // 48 frames of 2.5 ms (CELT), empty: two pieces of 60 ms.
    uint8_t tiny[50] = { 0xe3, 48 };
    CHECK_EQUAL(opus_voice_samples(tiny, 2), 1920);
    CHECK(opus_voice_cut(tiny, 2, 0, &unit));
    CHECK_EQUAL(unit.samples, 960);
    CHECK(opus_voice_cut(tiny, 2, 1, &unit));
    CHECK(!opus_voice_cut(tiny, 2, 2, &unit));
    static const uint8_t broken[][4] = { { 0xe3, 49 }, { 0x4b, 0 }, { 0x4b, 7 } };
    for (size_t i = 0; i < 3; i++) {
        CHECK(!opus_voice_cut(broken[i], 2, 0, &unit));
    }
    CHECK(!opus_voice_cut(broken[0], 0, 0, &unit));
    opus_voice_put(pair);
}

// A stream ---------------------------------------------------------------------------------------

static void check_sent(int codec, size_t octets) {
    begin();
    struct media_stream *stream = open_stream(codec);
    CHECK_EQUAL(media_join(stream, true), 0);
    world.microphone_hz = 1000;
    for (int i = 0; i < 100; i++) {
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, 100);
    CHECK_EQUAL(world.rate, voice_codecs[codec].rate);
    struct sender decoding = make_sender(codec, 0);
    static int16_t sound[100 * 320];
    size_t count = 0, each = voice_codecs[codec].rate / 50;
    decoding.codec->start_decoder(&decoding.state);
    for (size_t i = 0; i < 100; i++) {
        struct rtp_header h;
        CHECK_EQUAL(rtp_parse(world.sent[i].octets, world.sent[i].length, &h), 0);
        CHECK_EQUAL(h.timestamp, (uint32_t)(0xffffff00u + voice_codecs[codec].clock / 50 * i));
        CHECK(octets == 0 || h.payload_octets == octets);
        CHECK_EQUAL(decoding.codec->decode(&decoding.state, world.sent[i].octets + 12,
                        h.payload_octets, sound + count),
            each);
        count += each;
    }
    CHECK_BETWEEN(
        sine_over_rest_db(sound + count / 5, count * 4 / 5, 1000, voice_codecs[codec].rate),
        codec == VOICE_OPUS ? 12 : 40, 120);
    if (codec == VOICE_OPUS) {
        opus_voice_put(decoding.state.opaque.opus);
    }
    uint32_t timestamp;
    uint64_t us;
    world.now_us += 5000;
    media_timestamp_now(stream, &timestamp, &us);
    CHECK_EQUAL(timestamp,
        (uint32_t)(0xffffff00u + voice_codecs[codec].clock / 50 * 100
            + voice_codecs[codec].clock / 200));
    end(stream);
}

static void test_sent(void) {
    check_sent(VOICE_L16, 640);
    check_sent(VOICE_L16_NARROW, 320);
    check_sent(VOICE_OPUS, 0);
}

static void check_heard(int codec, int loss_percent, int jitter_ms, double least_db) {
    begin();
    struct media_stream *stream = open_stream(codec);
    media_join(stream, true);
    struct sender sender = make_sender(codec, 1000);
    random_state = 7;
    if (codec == VOICE_OPUS) {
        opus_voice_tune(sender.state.opaque.opus, 24000, (unsigned)loss_percent);
    }
    int lost = 0;
    for (int i = 0; i < 500; i++) {
        uint64_t when = world.now_us + 3000 + (uint64_t)(random_unit() * jitter_ms * 1000);
        if (random_u32() % 100 < (unsigned)loss_percent) {
            uint8_t packet[1300];
            make_packet(&sender, 20, packet);
            lost++;
        } else {
            deliver_at(&sender, 20, when);
        }
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    uint32_t rate = voice_codecs[codec].rate;
    double db = sine_over_rest_db(world.speaker + rate, 8 * rate, 1000, rate);
    printf("   %s/%u loss %d jitter %d: %.1f dB, lost %d concealed %u recovered %u delay %u\n",
        voice_codecs[codec].name, rate, loss_percent, jitter_ms, db, lost, s.concealed,
        s.recovered, s.delay_ms);
    CHECK_EQUAL(s.received, 500 - lost);
    CHECK_EQUAL(s.late + s.discarded + s.malformed, 0);
    CHECK_BETWEEN(s.concealed + s.recovered, (lost - 3) * (jitter_ms == 0), lost + 3);
    CHECK_BETWEEN(s.jitter, 0, voice_codecs[codec].clock / 1000 * (unsigned)(jitter_ms + 1));
    CHECK_EQUAL(world.speaker_count, 500 * rate / 50);
    CHECK_BETWEEN(db, least_db, 120);
    if (codec == VOICE_OPUS) {
        opus_voice_put(sender.state.opaque.opus);
    }
    end(stream);
}

static void test_heard(void) {
    check_heard(VOICE_L16, 0, 0, 60);
    check_heard(VOICE_L16_NARROW, 0, 0, 60);
    check_heard(VOICE_L16, 10, 0, 8);
    check_heard(VOICE_OPUS, 0, 0, 12);
    check_heard(VOICE_OPUS, 10, 0, 3);
    check_heard(VOICE_OPUS, 0, 15, 25);
}

// A voice over a network that loses 10 %: most of it comes back by the redundancy of what follows.
static void test_recovered(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_OPUS);
    media_join(stream, true);
    struct sender sender = make_sender(VOICE_OPUS, 1000);
    struct opus_voice *pair = sender.state.opaque.opus;
    static int16_t sound[320];
    size_t position = 0;
    int lost = 0;
    random_state = 9;
    opus_voice_tune(pair, 24000, 10);
    for (int i = 0; i < 1000; i++) {
        uint8_t packet[300];
        struct rtp_header h = { .payload_type = sender.payload_type,
            .sequence = (uint16_t)i,
            .timestamp = 960u * (uint32_t)i,
            .ssrc = PEER_SSRC };
        voice(sound, 320, &position);
        rtp_emit(packet, &h);
        size_t length = 12 + opus_voice_encode(pair, sound, packet + 12);
        if (random_unit() < 0.1) {
            lost++;
        } else {
            world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us + 3000);
        }
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    printf("   lost %d, recovered %u, concealed %u\n", lost, s.recovered, s.concealed);
    CHECK_BETWEEN(s.recovered + s.concealed, lost - 3, lost + 3);
    CHECK_BETWEEN(s.recovered, lost * 0.4, lost); // half of the time it is silent
    opus_voice_put(pair);
    end(stream);
}

// Opus in packets of 20 to 120 ms; the jitter buffer cuts the longest.
static void test_packet_times(void) {
    for (int joined = 1; joined <= 6; joined++) {
        begin();
        struct media_stream *stream = open_stream(VOICE_OPUS);
        media_join(stream, true);
        struct sender sender = make_sender(VOICE_OPUS, 1000);
        uint8_t packet[1500], parts[6][1300];
        for (int tick = 0; tick < 300; tick++) {
            if (tick % joined == 0) {
                const uint8_t *frames[6];
                size_t lengths[6];
                struct rtp_header h = { .payload_type = sender.payload_type,
                    .sequence = (uint16_t)(tick / joined),
                    .timestamp = sender.timestamp,
                    .ssrc = sender.ssrc };
                for (int i = 0; i < joined; i++) {
                    lengths[i] = make_packet(&sender, 20, parts[i]) - 12;
                    frames[i] = parts[i] + 12;
                }
                rtp_emit(packet, &h);
                size_t length = 12 + join(frames, lengths, joined, packet + 12);
                world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us + 3000);
            }
            world_tick();
        }
        struct media_statistics s;
        media_statistics(stream, &s);
        CHECK_EQUAL(s.late + s.discarded + s.malformed + s.concealed, 0);
        CHECK_BETWEEN(sine_over_rest_db(world.speaker + 32000, 48000, 1000, 16000), 12, 60);
        opus_voice_put(sender.state.opaque.opus);
        end(stream);
    }
}

// The peer pauses (DTX): a packet each 400 ms, and nothing is counted as lost.
static void test_pause(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_OPUS);
    media_join(stream, true);
    struct sender sender = make_sender(VOICE_OPUS, 1000);
    for (int i = 0; i < 50; i++) {
        deliver_at(&sender, 20, world.now_us + 3000);
        world_tick();
    }
    for (int i = 0; i < 200; i++) {
        uint8_t packet[13];
        struct rtp_header h = { .payload_type = sender.payload_type,
            .sequence = sender.sequence,
            .timestamp = sender.timestamp,
            .ssrc = sender.ssrc };
        if (i % 20 == 0) {
            sender.sequence++;
            rtp_emit(packet, &h);
            packet[12] = 0x48;
            world_deliver(&rtp_end, packet, 13, peer, PORT, world.now_us + 3000);
        }
        sender.timestamp += 960;
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.lost, 0);
    CHECK_EQUAL(s.concealed, 0);
    CHECK_EQUAL(s.malformed, 0);
    for (int i = 0; i < 50; i++) {
        deliver_at(&sender, 20, world.now_us + 3000);
        world_tick();
    }
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 270 * 320, 30 * 320, 1000, 16000), 12, 60);
    opus_voice_put(sender.state.opaque.opus);
    end(stream);
}

// The peer changes from G.711 to Opus and back: another clock, the same SSRC, timestamps that go on
// by RFC 7160; no gap longer than a packet or two.
static void test_other_clock(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    CHECK_EQUAL(media_accept(stream, 96, VOICE_OPUS, 0), 0);
    struct sender narrow = make_sender(VOICE_PCMU, 1000), wide = make_sender(VOICE_OPUS, 1000);
    struct sender *sender = &narrow;
    for (int i = 0; i < 600; i++) {
        struct sender *other = i / 100 % 2 == 0 ? &narrow : &wide;
        if (other != sender) {
            other->timestamp = sender->timestamp;
            other->sequence = sender->sequence;
            other->phase = sender->phase;
            sender = other;
        }
        deliver_at(sender, 20, world.now_us + 3000);
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.received, 600);
    CHECK_EQUAL(s.lost + (int)(s.late + s.discarded + s.restarts), 0);
    CHECK_BETWEEN(s.concealed, 0, 5);
    CHECK_BETWEEN(s.jitter, 0, 100);
    for (int i = 0; i < 6; i++) {
        CHECK_BETWEEN(
            sine_over_rest_db(world.speaker + (i * 100 + 20) * 160, 60 * 160, 1000, 8000), 12, 60);
    }
    opus_voice_put(wide.state.opaque.opus);
    end(stream);
}

// Three peers with three codecs, rates and clocks: each hears the two others and not itself.
static void test_three(void) {
    static const int codecs[3] = { VOICE_PCMU, VOICE_OPUS, VOICE_L16 };
    static const double tones[3] = { 400, 700, 1100 };
    static struct world_endpoint ends[3][2];
    static int16_t heard[3][100 * 320];
    struct media_stream *streams[3];
    struct sender senders[3], receivers[3];
    size_t counts[3] = { 0 };
    begin();
    for (int i = 0; i < 3; i++) {
        struct media_config config = { .ops = &world_ops,
            .rtp = &ends[i][0],
            .rtcp = &ends[i][1],
            .port = PORT,
            .rtcp_port = PORT + 1,
            .codec = codecs[i],
            .payload_type = voice_codecs[codecs[i]].payload_type,
            .ssrc = OUR_SSRC };
        memcpy(config.peer, peer, 16);
        CHECK_EQUAL(media_open(&streams[i], &config), 0);
        senders[i] = make_sender(codecs[i], tones[i]);
        // Of the pairs of Opus one is the stream's and one its peer's, for both directions.
        receivers[i] = codecs[i] == VOICE_OPUS ? senders[i] : make_sender(codecs[i], 0);
        receivers[i].codec->start_decoder(&receivers[i].state);
        CHECK_EQUAL(media_join(streams[i], true), 0);
    }
    for (int tick = 0; tick < 200; tick++) {
        for (int i = 0; i < 3; i++) {
            uint8_t packet[1300];
            size_t length = make_packet(&senders[i], 20, packet);
            world_deliver(&ends[i][0], packet, length, peer, PORT, world.now_us + 3000);
        }
        size_t sent = world.sent_count;
        world_tick();
        for (; sent < world.sent_count && tick >= 100; sent++) {
            for (int i = 0; i < 3; i++) {
                if (world.sent[sent].endpoint == &ends[i][0]) {
                    counts[i] += receivers[i].codec->decode(&receivers[i].state,
                        world.sent[sent].octets + 12, world.sent[sent].length - 12,
                        heard[i] + counts[i]);
                }
            }
        }
    }
    CHECK_EQUAL(world.rate, 16000);
    for (int i = 0; i < 3; i++) {
        uint32_t rate = voice_codecs[codecs[i]].rate;
        CHECK_EQUAL(counts[i], 100 * rate / 50);
        for (int n = 0; n < 3; n++) {
            double db = 10 * log10(power_at(heard[i] + rate / 5, rate, tones[n], rate) + 1e-12);
            CHECK_BETWEEN(db, n == i ? -130 : -16, n == i ? -38 : -10); // a tone has -13.3
            db = 10 * log10(power_at(world.speaker + 32000, 16000, tones[n], 16000) + 1e-12);
            CHECK_BETWEEN(db, -16, -10);
        }
    }
    opus_voice_put(senders[1].state.opaque.opus);
    for (int i = 0; i < 3; i++) {
        media_close(streams[i]);
    }
    media_deinit();
    idle();
}

// Only so many streams have Opus; one that fades out gives its own away.
static void test_enough(void) {
    begin();
    struct media_stream *streams[MEDIA_STREAMS];
    for (int i = 0; i < OPUS_VOICE_PAIRS; i++) {
        streams[i] = open_stream(VOICE_OPUS);
        media_join(streams[i], true);
    }
    struct media_config config = { .ops = &world_ops, .rtp = &rtp_end, .codec = VOICE_OPUS };
    struct media_stream *more;
    CHECK_EQUAL(media_open(&more, &config), -ENOMEM);
    config.codec = VOICE_PCMU;
    CHECK_EQUAL(media_open(&more, &config), 0);
    CHECK_EQUAL(media_accept(more, 96, VOICE_OPUS, 0), -ENOMEM);
    CHECK_EQUAL(media_set_codec(more, VOICE_OPUS, 96), -ENOMEM);
    CHECK_EQUAL(media_tune(more, 24000, 10), 0);
    CHECK_EQUAL(media_tune(more, 7999, 10), -EINVAL);
    CHECK_EQUAL(media_tune(more, 24000, 101), -EINVAL);
    world_tick();
    world_tick();
    struct media_counters c;
    media_counters(&c);
    CHECK_EQUAL(c.opus, OPUS_VOICE_PAIRS);
    media_close(streams[0]); // sounds on until the next tick
    CHECK_EQUAL(media_set_codec(more, VOICE_OPUS, 96), 0);
    world_tick();
    for (int i = 1; i < OPUS_VOICE_PAIRS; i++) {
        media_close(streams[i]);
    }
    world_tick();
    media_counters(&c);
    CHECK_EQUAL(c.opus, 1);
    end(more);
    CHECK_EQUAL(opus_voice_used(), 0);
}

int main(void) {
    RUN(test_rate_and_redundancy);
    RUN(test_pool);
    RUN(test_cut);
    RUN(test_sent);
    RUN(test_heard);
    RUN(test_recovered);
    RUN(test_packet_times);
    RUN(test_pause);
    RUN(test_other_clock);
    RUN(test_three);
    RUN(test_enough);
    return 0;
}
