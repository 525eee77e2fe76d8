# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Each check of the relay's program, taken out, makes a named test of its frames fail.

The source is copied, one place of it changed, compiled, loaded; the test then runs both ways.
"""

import inspect
import shutil

import pytest

from host_tests.servers import relay_frames as r
from host_tests.servers import test_siproxy64_xdp_frames as frames
from tools.common import bpf_build

# (file, what stands there, what comes in its place, a test that must fail)
MUTANTS = (
    ("siproxy64.bpf.c", "if (!is_peer(way, &packet)) {", "if (0) {", "strangers"),
    ("siproxy64.bpf.c", "&& way->peer_port == packet->from_port", "", "strangers"),
    ("siproxy64.bpf.c", "way->peer[3] == packet->from[3] && ", "", "each_bit_of_the_peer"),
    ("siproxy64.bpf.c", "&& way->peer[1] == packet->from[1]", "", "each_bit_of_the_peer"),
    ("siproxy64.bpf.c", "&& way->peer[0] == packet->from[0]", "", "each_bit_of_the_peer"),
    ("siproxy64.bpf.c", "packet.is_odd || packet.hops", "packet.hops", "odd"),
    ("siproxy64.bpf.c", "packet.hops <= 1", "packet.hops == 0", "hops"),
    ("siproxy64.bpf.c", "|| *(__u32 *)ethernet->h_dest != *(__u32 *)arm->address", "",
        "not_for_us"),
    ("siproxy64.bpf.c",
        "|| *(__u16 *)(ethernet->h_dest + 4) != *(__u16 *)(arm->address + 4)", "", "not_for_us"),
    ("siproxy64.bpf.c", "padding > 0 &&", "0 &&", "all_lengths"),
    ("siproxy64.bpf.c", "traffic->octets += bpf_ntohs(length) - 8;",
        "traffic->octets += bpf_ntohs(length);", "all_lengths"),
    ("siproxy64.bpf.c", "if (hop->interface == ctx->ingress_ifindex && ", "if (0 && ",
        "by_the_interface_it_came"),
    ("headers.h", "|| ip->frag_off & bpf_htons(0x3fff)", "", "odd"),
    ("headers.h", "|| ip->ihl != 5", "", "odd"),
    ("headers.h", "ip->protocol != IPPROTO_UDP || ", "", "not_for_us"),
    ("headers.h", "ip->nexthdr != IPPROTO_UDP || ", "", "not_for_us"),
    ("headers.h", "|| sum_ipv4(ip) != 0xffff", "", "odd"),
    ("headers.h", "total != bpf_ntohs(udp->len) + 20U", "0", "odd"),
    ("headers.h", "|| total + ETHERNET > bpf_xdp_get_buff_len(ctx)", "", "odd"),
    ("headers.h", "ip->payload_len != udp->len", "0", "odd"),
    ("headers.h", "|| bpf_ntohs(ip->payload_len) + 40U + ETHERNET > bpf_xdp_get_buff_len(ctx)",
        "", "odd"),
    ("headers.h", "|| is_mapped(packet->to.address) || is_mapped(packet->from)", "",
        "mapped_address_on_ipv6"),
    ("headers.h", "packet->tclass = ip->tos;", "packet->tclass = ip->tos & 0xfc;",
        "traffic_class"),
    ("headers.h", "packet->tclass = bpf_ntohl(*(__be32 *)ip) >> 20;",
        "packet->tclass = ip->priority << 4;", "traffic_class"),
    ("headers.h", "ip->frag_off = bpf_htons(0x4000);", "ip->frag_off = 0;", "all_lengths"),
    ("checksum.h", "if (packet->head != HEAD4) {", "if (0) {", "without_checksum"),
    ("checksum.h", "} else if (whole != 0xffff) {", "} else if (0) {",
        "verified_where_no_card_was"),
    ("sum.h", "*(__u32 *)(cpu->copy + (length & ~3)) = 0;", "", "without_checksum"),
    ("checksum.h", "checksum ? checksum : 0xffff;", "checksum;", "no_checksum_of_zero"),
    ("checksum.h", "~folded(sum + way->delta);", "~folded(sum + (way->delta & 0xfffe));",
        "all_lengths"),
    ("sum.h", "left -= CHUNK;", "left -= CHUNK - 4;", "without_checksum"),
    ("route.h", "if (total <= SAFE) {", "if (total < SAFE) {", "larger_than_is_safe"),
    ("route.h", "if (total <= SAFE) {", "if (1) {", "larger_than_is_safe"),
    ("route.h", "if (known && known->interface) {", "if (known) {", "no_next_hop"),
)  # fmt: skip


def fails(relay, name):
    """Whether a test of frames fails in one of the directions."""
    test = getattr(frames, f"test_{name}")
    wants = inspect.signature(test).parameters
    failed = False
    for world in r.WORLDS.values():
        relay.verify(False)
        for one in r.WORLDS.values():
            relay.program.remove(one.direction())
        relay.program.clear(frames.SLOT)
        given = {"relay": relay, "world": world, "verify": False}
        if "world" in wants:
            relay.program.set(world.direction(), frames.SLOT)
        try:
            test(**{word: given[word] for word in wants})
        except AssertionError:
            failed = True
    return failed


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: f"{one[0]} {one[1][:40]}")
def test_test_fails(mutant, tmp_path):
    r.need_object()
    name, text, replacement, test = mutant
    folder = tmp_path / "bpf"
    shutil.copytree(r.SOURCE.parent, folder)
    shutil.copytree(bpf_build.SHARED, folder, dirs_exist_ok=True)
    file = folder / name
    source = " ".join(file.read_text().split())
    assert source.count(text) == 1, "the mutant must name one place"
    before, after = (file.read_text(), None)
    lines = before.split("\n")
    for at in range(len(lines)):  # the place may be broken over two lines
        joined = " ".join(line.strip() for line in lines[at : at + 2])
        if text in joined:
            after = "\n".join([*lines[:at], joined.replace(text, replacement), *lines[at + 2 :]])
            break
    assert after is not None
    file.write_text(after)
    relay = r.KernelRelay(
        bpf_build.build(folder / r.SOURCE.name, tmp_path / "x.o", ("-Wno-error",))
    )
    try:
        assert fails(relay, test)
    finally:
        relay.program.close()


@pytest.mark.parametrize("test", sorted({one[3] for one in MUTANTS}))
def test_nothing_fails(test):
    """The unchanged source fails none of them, so that the mutants' failures are their own."""
    relay = r.KernelRelay()
    try:
        assert not fails(relay, test)
    finally:
        relay.program.close()
