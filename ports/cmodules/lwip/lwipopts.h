// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// lwIP 2.2.1 for phones: one file for all boards. lwIP runs in the engine context alone, or in the VM
// between engine_enter() and engine_exit(); it has no threads, no sockets and no timers of its own
// (net6_lwip.c runs its cyclic timers). About 60 kB of static memory in all.

#ifndef VOX6_LWIPOPTS_H
#define VOX6_LWIPOPTS_H

#define NO_SYS (1)
#define SYS_LIGHTWEIGHT_PROT (0)
#define LWIP_TIMERS (1)
#define LWIP_TIMERS_CUSTOM (1)
#define LWIP_NETCONN (0)
#define LWIP_SOCKET (0)
#define LWIP_STATS (0)
#define LWIP_CHKSUM_ALGORITHM (3)
#define LWIP_CHECKSUM_CTRL_PER_NETIF (0)

// Protocols. IPv4 comes with the tunnel (it alone uses it), TCP with net6.Stream.
#ifndef LWIP_IPV4
#define LWIP_IPV4 (0)
#endif
#define LWIP_ARP LWIP_IPV4
#define LWIP_IPV6 (1)
#define LWIP_ETHERNET (1)
#define LWIP_UDP (1)
#define LWIP_RAW (1)
#ifndef LWIP_TCP
#define LWIP_TCP (0)
#endif
#define LWIP_DNS (1) // only its list of servers, which RDNSS fills: lib/dns does the asking
#define DNS_TABLE_SIZE (1)
#define DNS_MAX_SERVERS (4)
#define DNS_MAX_NAME_LENGTH (16)
#define LWIP_DNS_SUPPORT_MDNS_QUERIES (0)

// Interfaces.
#define ETH_PAD_SIZE (2) // IP headers aligned behind the Ethernet header
#define LWIP_NETIF_STATUS_CALLBACK (0)
#define LWIP_NETIF_EXT_STATUS_CALLBACK (1)
#define LWIP_HAVE_LOOPIF (1)
#define LWIP_NETIF_LOOPBACK (1) // a phone may call itself
#define LWIP_LOOPBACK_MAX_PBUFS (16)

// IPv6.
#define LWIP_IPV6_SCOPES (1)
#define LWIP_IPV6_NUM_ADDRESSES \
    (6) // link-local, two prefixes, and what replaces them on renumbering
#define LWIP_IPV6_AUTOCONFIG (1)
#define LWIP_IPV6_ADDRESS_LIFETIMES (1)
#define LWIP_IPV6_SEND_ROUTER_SOLICIT (1)
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS (1)
#define LWIP_IPV6_DHCP6 (0) // lib/dhcp6 does it
#define LWIP_IPV6_FRAG (1)
#define LWIP_IPV6_REASS (1)
#define IPV6_FRAG_COPYHEADER \
    (UINTPTR_MAX > 0xffffffff) // 64-bit hosts: a pointer does not fit otherwise
#define LWIP_IPV6_MLD (1)
#define MEMP_NUM_MLD6_GROUP (12)
#define LWIP_ND6_NUM_NEIGHBORS (16)
#define LWIP_ND6_NUM_DESTINATIONS (16)
#define LWIP_ND6_NUM_PREFIXES (5)
#define LWIP_ND6_NUM_ROUTERS (3)
#define LWIP_ND6_QUEUEING (1)
#define MEMP_NUM_ND6_QUEUE (8)
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS (3)
#define LWIP_ND6_TCP_REACHABILITY_HINTS LWIP_TCP
#define UDP_TTL (64)

// Memory. A received frame lies in a chain of small buffers: one for a voice packet, six for a full
// frame, so that a burst of 90 voice packets or two datagrams of 8 kB in fragments find room.
#define MEM_ALIGNMENT (4)
#ifndef MEM_SIZE
#define MEM_SIZE (12 * 1024)
#endif
#define PBUF_POOL_BUFSIZE (256)
#ifndef PBUF_POOL_SIZE
#define PBUF_POOL_SIZE (96)
#endif
#define IP_REASS_MAX_PBUFS (72) // of the pool: fragments cannot take all of it
#define IPV6_REASS_MAXAGE (15) // seconds; RFC 8200 says 60, a phone cannot hold buffers so long
#define MEMP_NUM_REASSDATA (4)
#define MEMP_NUM_PBUF (16)
#define MEMP_NUM_UDP_PCB (20) // NET6_ENDPOINTS and lwIP's own
#define MEMP_NUM_RAW_PCB (2)

#endif
