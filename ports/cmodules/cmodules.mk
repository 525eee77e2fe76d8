# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
#
# The C modules that every port builds. A port includes this after py/mkenv.mk and
# build/sources.mk, with VOX6_TOP set, and then
#   - adds $(CMODULES_BINDING_C) to SRC_C and SRC_QSTR (they hold qstrs and module registrations),
#   - adds $(CMODULES_CORE_C) to SRC_C alone (plain C, no py/*.h),
#   - adds $(CMODULES_CFLAGS) to CFLAGS and $(CMODULES_LDFLAGS) to LDFLAGS,
#   - writes `vpath %.c $(VOX6_TOP)/ports $(CMODULES_VPATH)`: names here are relative to ports/, so
#     that objects lie in $(BUILD)/cmodules/...
#   - adds $(CMODULES_LWIP_C) and $(CMODULES_NET6_LWIP_C) to SRC_C or the like, with
#     $(CMODULES_LWIP_CFLAGS) (boards add Ethernet, IPv4 and net6_nic.c).
# Backends and devices (net6_kernel.c, net6_nic.c, engine_*.c, audio_*.c) stand in the port's list.

CMODULES_CFLAGS += -I$(VOX6_TOP)/ports/cmodules
CMODULES_CORE_C :=
CMODULES_BINDING_C :=
CMODULES_VPATH :=

# engine, ring
CMODULES_BINDING_C += cmodules/engine/modsignal.c
CMODULES_CORE_C += cmodules/ring/ring.c

# net6
CMODULES_CORE_C += $(addprefix cmodules/net6/,net6_core.c net6_address.c net6_blocks.c net6_stream.c net6_text.c)
CMODULES_BINDING_C += cmodules/net6/modnet6.c cmodules/net6/modnet6_stream.c

# lwIP: upstream's files, what net6 has for every port, and the configuration
CMODULES_LWIP_C := $(addprefix lib/lwip/src/core/, \
	def.c inet_chksum.c init.c ip.c mem.c memp.c netif.c pbuf.c raw.c sys.c tcp.c tcp_in.c tcp_out.c timeouts.c udp.c \
	ipv6/icmp6.c ipv6/inet6.c ipv6/ip6.c ipv6/ip6_addr.c ipv6/ip6_frag.c ipv6/nd6.c)
CMODULES_NET6_LWIP_C := $(addprefix cmodules/net6/,net6_lwip.c net6_route.c net6_stream_lwip.c net6_turn.c)
CMODULES_LWIP_CFLAGS := -I$(VOX6_TOP)/ports/cmodules/lwip -I$(TOP)/lib/lwip/src/include

# tunnel6; its netif is lwIP's, its IPv4 the port's
CMODULES_CORE_C += $(addprefix cmodules/tunnel6/,tunnel6_core.c inner.c)
CMODULES_BINDING_C += cmodules/tunnel6/modtunnel6.c
CMODULES_NET6_LWIP_C += cmodules/tunnel6/tunnel6_netif.c

# voicecodecs: spandsp's files are taken by spandsp_unit.c
CMODULES_CFLAGS += -I$(SPANDSP_DIR)/src
CMODULES_CORE_C += cmodules/voicecodecs/spandsp_unit.c cmodules/voicecodecs/voicecodecs_core.c \
	cmodules/voicecodecs/conceal.c
CMODULES_BINDING_C += cmodules/voicecodecs/modvoicecodecs.c

# srtp: libsrtp2's files are taken by srtp_unit.c; its headers and our config.h are for these alone
CMODULES_SRTP_C := $(addprefix cmodules/srtp/,srtp_unit.c srtp_sources.c srtp_core.c)
CMODULES_SRTP_DIRS := $(VOX6_TOP)/ports/cmodules/srtp/config $(addprefix $(LIBSRTP_DIR)/, \
	include srtp crypto/include crypto/cipher crypto/hash crypto/kernel crypto/math crypto/replay)
CMODULES_CORE_C += $(CMODULES_SRTP_C)
$(addprefix $(BUILD)/,$(CMODULES_SRTP_C:.c=.o)): CFLAGS += $(addprefix -I,$(CMODULES_SRTP_DIRS)) \
	-O2 -fno-strict-aliasing

# media
CMODULES_CORE_C += $(addprefix cmodules/media/,media_core.c datagrams.c event.c receive.c secure.c tick.c bursts.c sound.c \
	rtp.c jitter.c stretch.c resample.c tone.c)
CMODULES_BINDING_C += cmodules/media/modmedia.c cmodules/media/modmedia_stream.c

# speaker: speexdsp's files are taken by speexdsp_unit.c; its headers are for these alone
CMODULES_SPEAKER_C := $(addprefix cmodules/speaker/,speexdsp_unit.c speaker_core.c level.c)
CMODULES_CORE_C += $(CMODULES_SPEAKER_C)
$(addprefix $(BUILD)/,$(CMODULES_SPEAKER_C:.c=.o)): CFLAGS += -O2 -I$(SPEEXDSP_DIR)/include \
	-I$(SPEEXDSP_DIR)/libspeexdsp -I$(VOX6_TOP)/ports/cmodules/speaker/config

# TLS: what MicroPython's module of that name leaves open
CMODULES_TLS_C := cmodules/mbedtls/vox6_tls.c
CMODULES_LDFLAGS := -Wl,--wrap=mbedtls_ssl_config_defaults -Wl,--wrap=mbedtls_ssl_conf_verify
CMODULES_CORE_C += $(CMODULES_TLS_C)
$(BUILD)/cmodules/mbedtls/vox6_tls.o: CFLAGS += $(CFLAGS_EXTMOD)

# _crypto, on MicroPython's mbedTLS
CMODULES_CORE_C += $(addprefix cmodules/crypto/,arena.c random.c key_agreement.c)
CMODULES_BINDING_C += cmodules/crypto/modcrypto.c cmodules/crypto/modcrypto_key_pair.c
