// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// pubtsp_frames INTERFACE FILE RATE SECONDS: send the frames of a file in turn by a packet socket,
// RATE a second, in batches. FILE: for each frame its length (4 octets, the machine's order) and
// its octets. Prints how many were sent and the nanoseconds of CPU time that took.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 32
#define PACKET_QDISC_BYPASS 20

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
    static uint8_t data[32 << 20];
    static struct iovec frames[65536];
    size_t count = 0;
    if (argc != 5) {
        return 2;
    }
    FILE *file = fopen(argv[2], "rb");
    if (!file) {
        return perror(argv[2]), 1;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    for (size_t at = 0; at + 4 < size && count < 65536; count++) {
        uint32_t length;
        memcpy(&length, data + at, 4);
        frames[count].iov_base = data + at + 4;
        frames[count].iov_len = length;
        at += 4 + length;
    }
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(argv[1]) };
    int one = 1;
    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
    if (!count || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        return perror("bind"), 1;
    }
    double rate = atof(argv[3]);
    int64_t start = now_ns(CLOCK_MONOTONIC), end = start + atof(argv[4]) * 1e9, now;
    uint64_t sent = 0;
    while ((now = now_ns(CLOCK_MONOTONIC)) < end) {
        struct mmsghdr batch[BATCH] = { 0 };
        int64_t due = start + sent * 1e9 / rate;
        if (due > now) {
            struct timespec wait = { 0, due - now };
            nanosleep(&wait, NULL);
        }
        for (int i = 0; i < BATCH; i++) {
            batch[i].msg_hdr.msg_iov = &frames[(sent + i) % count];
            batch[i].msg_hdr.msg_iovlen = 1;
        }
        int done = sendmmsg(fd, batch, BATCH, 0);
        if (done > 0) {
            sent += done;
        }
    }
    printf("%llu %lld\n", (unsigned long long)sent, (long long)now_ns(CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}
