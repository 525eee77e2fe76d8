// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Reading a datagram of either family into one form, and writing it in either family.

#ifndef SIPROXY64_HEADERS_H
#define SIPROXY64_HEADERS_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include "layout.h"
#include "sum.h"

#define ETHERNET 14
#define HEAD4 (ETHERNET + 20) // where the UDP header stands
#define HEAD6 (ETHERNET + 40)
#define MAPPED bpf_htonl(0xffff)

struct datagram {
    struct local to;
    __be32 from[4];
    __be16 from_port;
    __be16 length; // of UDP header and payload
    __be16 checksum;
    __u8 tclass; // traffic class with ECN, or TOS
    __u8 hops;
    __u32 head; // octets before its UDP header
    int is_odd;
};

static __always_inline int is_mapped(const __be32 *address) {
    return address[2] == MAPPED && !(address[0] | address[1]);
}

// Return the sum over an IPv4 header without options: 0xffff if its checksum is right.
static __always_inline __u32 sum_ipv4(const struct iphdr *ip) {
    const __u16 *word = (const void *)ip;
    __u32 sum = 0;
#pragma unroll
    for (int i = 0; i < 10; i++) {
        sum += word[i];
    }
    return folded(sum);
}

// Return whether an IPv4 frame holds a datagram of UDP; with is_odd only its addresses are known.
static __always_inline int read4(struct xdp_md *ctx, struct datagram *packet) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct iphdr *ip = data + ETHERNET;
    struct udphdr *udp = data + HEAD4;
    if (data + HEAD4 + 8 > end || ip->protocol != IPPROTO_UDP || ip->version != 4 || ip->ihl != 5
        || ip->frag_off & bpf_htons(0x3fff)) {
        return 0; // fragments and options go the kernel's way: a stream has none, or is not ours
    }
    packet->to.address[2] = packet->from[2] = MAPPED;
    packet->to.address[3] = ip->daddr;
    packet->from[3] = ip->saddr;
    packet->tclass = ip->tos;
    packet->hops = ip->ttl;
    packet->head = HEAD4;
    packet->to.port = udp->dest;
    packet->from_port = udp->source;
    packet->length = udp->len;
    packet->checksum = udp->check;
    __u32 total = bpf_ntohs(ip->tot_len);
    packet->is_odd = total != bpf_ntohs(udp->len) + 20U
        || total + ETHERNET > bpf_xdp_get_buff_len(ctx) || sum_ipv4(ip) != 0xffff;
    return 1;
}

static __always_inline int read6(struct xdp_md *ctx, struct datagram *packet) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct ipv6hdr *ip = data + ETHERNET;
    struct udphdr *udp = data + HEAD6;
    if (data + HEAD6 + 8 > end || ip->nexthdr != IPPROTO_UDP || ip->version != 6) {
        return 0;
    }
    __builtin_memcpy(packet->to.address, &ip->daddr, 16);
    __builtin_memcpy(packet->from, &ip->saddr, 16);
    packet->tclass = bpf_ntohl(*(__be32 *)ip) >> 20;
    packet->hops = ip->hop_limit;
    packet->head = HEAD6;
    packet->to.port = udp->dest;
    packet->from_port = udp->source;
    packet->length = udp->len;
    packet->checksum = udp->check;
    packet->is_odd = ip->payload_len != udp->len
        || bpf_ntohs(ip->payload_len) + 40U + ETHERNET > bpf_xdp_get_buff_len(ctx)
        || is_mapped(packet->to.address) || is_mapped(packet->from);
    return 1;
}

// Keep clang from making one piece of code of the ends of two branches that differ in an offset: a
// program without CAP_PERFMON may not add to a pointer what the verifier does not know.
#define APART(number) asm volatile("" : : "i"(number))

static __always_inline void write_udp(
    struct udphdr *udp, const struct direction *way, const struct datagram *packet) {
    udp->source = way->source_port;
    udp->dest = way->destination_port;
    udp->len = packet->length;
    udp->check = packet->checksum;
}

static __always_inline void write_ethernet(
    struct ethhdr *ethernet, const struct hop *hop, __be16 type) {
    __builtin_memcpy(ethernet->h_dest, hop->destination, 6);
    __builtin_memcpy(ethernet->h_source, hop->source, 6);
    ethernet->h_proto = type;
}

// Write the headers of a datagram at the beginning of its frame, which has just the room for them.
static __always_inline int write4(struct xdp_md *ctx, const struct direction *way,
    const struct datagram *packet, const struct hop *hop) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct iphdr *ip = data + ETHERNET;
    if (data + HEAD4 + 8 > end) {
        return -1;
    }
    write_ethernet(data, hop, bpf_htons(ETH_P_IP));
    *(__u8 *)ip = 0x45;
    ip->tos = packet->tclass;
    ip->tot_len = bpf_htons(bpf_ntohs(packet->length) + 20);
    ip->id = 0;
    ip->frag_off = bpf_htons(0x4000); // DF, so that an ID of 0 is one (RFC 6864)
    ip->ttl = packet->hops - 1;
    ip->protocol = IPPROTO_UDP;
    ip->check = 0;
    ip->saddr = way->source[3];
    ip->daddr = way->destination[3];
    ip->check = ~sum_ipv4(ip);
    write_udp(data + HEAD4, way, packet);
    APART(HEAD4);
    return 0;
}

static __always_inline int write6(struct xdp_md *ctx, const struct direction *way,
    const struct datagram *packet, const struct hop *hop) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct ipv6hdr *ip = data + ETHERNET;
    if (data + HEAD6 + 8 > end) {
        return -1;
    }
    write_ethernet(data, hop, bpf_htons(ETH_P_IPV6));
    *(__be32 *)ip = bpf_htonl(6U << 28 | (__u32)packet->tclass << 20);
    ip->payload_len = packet->length;
    ip->nexthdr = IPPROTO_UDP;
    ip->hop_limit = packet->hops - 1;
    __builtin_memcpy(&ip->saddr, way->source, 16);
    __builtin_memcpy(&ip->daddr, way->destination, 16);
    write_udp(data + HEAD6, way, packet);
    APART(HEAD6);
    return 0;
}

#endif
