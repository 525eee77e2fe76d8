// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// lwIP 2.2.1 for phones: one file for all boards. lwIP runs in the engine context alone, or in the VM
// between engine_enter() and engine_exit(); it has no threads, no sockets and no timers of its own
// (net6_turn.c runs its cyclic timers). About 70 kB of static memory in all.
//
// VOX6_LWIP_NIC 1: a board with an Ethernet interface. 0: the tunnel's interface alone (unix).

#ifndef VOX6_LWIPOPTS_H
#define VOX6_LWIPOPTS_H

#ifndef VOX6_LWIP_NIC
#define VOX6_LWIP_NIC (1)
#endif
#define LWIP_HOOK_FILENAME "lwip_hooks.h"

#define NO_SYS (1)
#define SYS_LIGHTWEIGHT_PROT (0)
#define LWIP_TIMERS (1)
#define LWIP_TIMERS_CUSTOM (1)
#define LWIP_NETCONN (0)
#define LWIP_SOCKET (0)
#define LWIP_STATS (0)
#define LWIP_CHKSUM_ALGORITHM (3)
#define LWIP_CHECKSUM_CTRL_PER_NETIF (0)

// Protocols. IPv4 is for the tunnel alone, TCP is net6.Stream's.
#define LWIP_IPV4 VOX6_LWIP_NIC
#define LWIP_ARP LWIP_IPV4
#define LWIP_ICMP LWIP_IPV4
#define LWIP_DHCP LWIP_IPV4
#define LWIP_DHCP_MAX_DNS_SERVERS (0) // tunnel6/ipv4_lwip.c: RDNSS fills lwIP's list
#define LWIP_DHCP_DOES_ACD_CHECK (0) // two seconds that a phone does not wait
#define LWIP_ACD (0)
#define DHCP_COARSE_TIMER_SECS (1) // leases of less than a minute, in labs
#define DHCP_TIMEOUT_SIZE_T u32_t
#define IP_FORWARD (0)
#define IP_FRAG (0) // what we send over IPv4 fits
#define IP_REASSEMBLY LWIP_IPV4 // the tunnel's datagrams may be cut: DF is clear
#define ARP_TABLE_SIZE (8)
#define ARP_QUEUEING (0) // the last packet waits for an answer
#define LWIP_IPV6 (1)
#define LWIP_ETHERNET VOX6_LWIP_NIC
#define LWIP_UDP (1)
#define LWIP_RAW (1)
#define LWIP_TCP (1)
#define LWIP_DNS \
    VOX6_LWIP_NIC // only its list of servers, which RDNSS fills: lib/dns does the asking
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
    (8) // link-local, two prefixes, DHCPv6, and what replaces them on renumbering
#define LWIP_IPV6_AUTOCONFIG VOX6_LWIP_NIC
#define LWIP_IPV6_ADDRESS_LIFETIMES (1)
#define LWIP_IPV6_SEND_ROUTER_SOLICIT (1)
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS (1)
#define LWIP_IPV6_DHCP6 (0) // lib/dhcp6 does it
#define LWIP_IPV6_FRAG (1)
#define LWIP_IPV6_REASS (1)
#define IPV6_FRAG_COPYHEADER \
    (UINTPTR_MAX > 0xffffffff) // 64-bit hosts: a pointer does not fit otherwise
#define LWIP_IPV6_MLD VOX6_LWIP_NIC
#define MEMP_NUM_MLD6_GROUP (12)
#define LWIP_ND6_NUM_NEIGHBORS (16)
#define LWIP_ND6_NUM_DESTINATIONS (16)
#define LWIP_ND6_NUM_PREFIXES (5)
#define LWIP_ND6_NUM_ROUTERS (3)
#define LWIP_ND6_QUEUEING (1)
#define MEMP_NUM_ND6_QUEUE (8)
#if VOX6_LWIP_NIC
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS (3)
#endif
#define LWIP_ND6_TCP_REACHABILITY_HINTS LWIP_TCP
#define UDP_TTL (64)

// TCP (net6_stream_lwip.c). Segments fit any path of IPv6. What comes in order goes into net6's blocks at
// once; what does not is dropped, so that nobody can fill the buffers of voice with it.
#define TCP_MSS (1220)
#ifndef TCP_WND
#define TCP_WND (2 * TCP_MSS)
#endif
#define TCP_SND_BUF TCP_WND
#define TCP_SND_QUEUELEN (4 * TCP_SND_BUF / TCP_MSS)
#define TCP_QUEUE_OOSEQ (0)
#define TCP_LISTEN_BACKLOG (1)
#define LWIP_TCP_RTO_TIME (1000) // RFC 6298 section 2.1
#define TCP_SYNMAXRTX (5) // a minute
#define TCP_MAXRTX (8) // some four minutes
#define SO_REUSE (1) // a port whose old connections wait in TIME-WAIT can be listened at
#define MEMP_NUM_TCP_PCB (12) // NET6_STREAMS, and closed ones that still send
#define MEMP_NUM_TCP_PCB_LISTEN (4) // NET6_LISTENERS
#ifndef MEMP_NUM_TCP_SEG
#define MEMP_NUM_TCP_SEG (24)
#endif

// Memory. A received frame lies in a chain of small buffers: one for a voice packet, six for a full
// frame, so that a burst of 90 voice packets or a datagram of 8 kB in fragments finds room.
#if UINTPTR_MAX > 0xffffffff
#define MEM_ALIGNMENT (8)
#else
#define MEM_ALIGNMENT (4)
#endif
#ifndef MEM_SIZE
#define MEM_SIZE (20 * 1024) // of which streams take no more than a third
#endif
#define PBUF_POOL_BUFSIZE (256)
#ifndef PBUF_POOL_SIZE
#define PBUF_POOL_SIZE (96)
#endif
#ifndef IP_REASS_MAX_PBUFS // of the pool, for each of IPv4 and IPv6: fragments cannot take all of it
#define IP_REASS_MAX_PBUFS (60)
#endif
#define IP_REASS_MAXAGE (5) // seconds; what is cut over IPv4 is the tunnel's
#define IPV6_REASS_MAXAGE (15) // seconds; RFC 8200 says 60, a phone cannot hold buffers so long
#define MEMP_NUM_REASSDATA (4)
#define MEMP_NUM_PBUF (16)
#define MEMP_NUM_UDP_PCB (20) // NET6_ENDPOINTS and lwIP's own (DNS, DHCP)
#define MEMP_NUM_RAW_PCB (2)

#endif
