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

# Opus: upstream's decoder with CELT and SILK, and of the encoder SILK alone (opus_voice.c). The list
# is libopus' own for fixed point without what only its encoder, stereo and several streams need.
CMODULES_OPUS_C := $(addprefix celt/,bands.c celt.c celt_decoder.c celt_lpc.c cwrs.c entcode.c entdec.c \
	entenc.c kiss_fft.c laplace.c mathops.c mdct.c modes.c pitch.c quant_bands.c rate.c vq.c)
CMODULES_OPUS_C += $(addprefix silk/,A2NLSF.c ana_filt_bank_1.c biquad_alt.c bwexpander.c bwexpander_32.c \
	CNG.c code_signs.c control_audio_bandwidth.c control_codec.c control_SNR.c debug.c dec_API.c \
	decode_core.c decode_frame.c decode_indices.c decode_parameters.c decode_pitch.c decode_pulses.c \
	decoder_set_fs.c encode_indices.c encode_pulses.c gain_quant.c HP_variable_cutoff.c init_decoder.c \
	init_encoder.c inner_prod_aligned.c interpolate.c lin2log.c log2lin.c LP_variable_cutoff.c \
	LPC_analysis_filter.c LPC_fit.c LPC_inv_pred_gain.c NLSF2A.c NLSF_decode.c NLSF_del_dec_quant.c \
	NLSF_encode.c NLSF_stabilize.c NLSF_unpack.c NLSF_VQ.c NLSF_VQ_weights_laroia.c NSQ.c NSQ_del_dec.c \
	pitch_est_tables.c PLC.c process_NLSFs.c quant_LTP_gains.c resampler.c resampler_down2.c \
	resampler_down2_3.c resampler_private_AR2.c resampler_private_down_FIR.c \
	resampler_private_IIR_FIR.c resampler_private_up2_HQ.c resampler_rom.c shell_coder.c sigm_Q15.c \
	sort.c stereo_decode_pred.c stereo_MS_to_LR.c sum_sqr_shift.c table_LSF_cos.c tables_gain.c \
	tables_LTP.c tables_NLSF_CB_NB_MB.c tables_NLSF_CB_WB.c tables_other.c tables_pitch_lag.c \
	tables_pulses_per_block.c VAD.c VQ_WMat_EC.c)
CMODULES_OPUS_C += $(addprefix silk/fixed/,apply_sine_window_FIX.c autocorr_FIX.c burg_modified_FIX.c \
	corrMatrix_FIX.c encode_frame_FIX.c find_LPC_FIX.c find_LTP_FIX.c find_pitch_lags_FIX.c \
	find_pred_coefs_FIX.c k2a_FIX.c k2a_Q16_FIX.c LTP_analysis_filter_FIX.c LTP_scale_ctrl_FIX.c \
	noise_shape_analysis_FIX.c pitch_analysis_core_FIX.c process_gains_FIX.c \
	regularize_correlations_FIX.c residual_energy16_FIX.c residual_energy_FIX.c schur64_FIX.c schur_FIX.c \
	vector_ops_FIX.c warped_autocorrelation_FIX.c)
CMODULES_OPUS_C += src/opus.c src/opus_decoder.c src/extensions.c
CMODULES_OPUS_OURS_C := cmodules/voicecodecs/opus_voice.c
CMODULES_OPUS_CFLAGS := $(addprefix -I,$(OPUS_DIR) $(addprefix $(OPUS_DIR)/,include celt silk silk/fixed)) \
	-DOPUS_BUILD -DFIXED_POINT -DDISABLE_FLOAT_API -DVAR_ARRAYS -DHAVE_LRINTF
CMODULES_VPATH += $(OPUS_DIR)
CMODULES_CORE_C += $(CMODULES_OPUS_OURS_C) $(CMODULES_OPUS_C)
$(addprefix $(BUILD)/,$(CMODULES_OPUS_C:.c=.o)): CFLAGS += $(CMODULES_OPUS_CFLAGS) -w
$(addprefix $(BUILD)/,$(CMODULES_OPUS_OURS_C:.c=.o)): CFLAGS += $(CMODULES_OPUS_CFLAGS)
CMODULES_BINDING_C += cmodules/voicecodecs/modvoicecodecs.c

# srtp: libsrtp2's files are taken by srtp_unit.c; its headers and our config.h are for these alone
CMODULES_SRTP_C := $(addprefix cmodules/srtp/,srtp_unit.c srtp_sources.c srtp_core.c)
CMODULES_SRTP_DIRS := $(VOX6_TOP)/ports/cmodules/srtp/config $(addprefix $(LIBSRTP_DIR)/, \
	include srtp crypto/include crypto/cipher crypto/hash crypto/kernel crypto/math crypto/replay)
CMODULES_CORE_C += $(CMODULES_SRTP_C)
$(addprefix $(BUILD)/,$(CMODULES_SRTP_C:.c=.o)): CFLAGS += $(addprefix -I,$(CMODULES_SRTP_DIRS)) \
	-O2 -fno-strict-aliasing

# media
CMODULES_CORE_C += $(addprefix cmodules/media/,media_core.c datagrams.c event.c noise.c receive.c secure.c tick.c bursts.c \
	sound.c \
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
