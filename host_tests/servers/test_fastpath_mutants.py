# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Each check of the program in the kernel, taken out, makes a named row fail.

The source is copied, one place of it changed, compiled, loaded, and all rows run through it. So
the rows are shown to see each check of each rule, U1 to U10 and D1 to D9.
"""

import shutil

import pytest

from host_tests.servers import kernel_plane as k
from host_tests.servers import test_fastpath_rows as both
from host_tests.unit.pubtsp import rows
from tools.common import bpf_build

# (rule, file, what stands there, what comes in its place, a row that must fail)
MUTANTS = (
    ("U1", "up.h", "!is_usable(set, v4, bpf_ntohs(outer->source_port))", "0", "U1 port below"),
    ("U1", "martians.h", "port < set->ports_min", "0", "U1 port 0"),
    ("U1", "martians.h", "|| port == SERVER_PORT", "", "U1 port of a server"),
    ("U1", "martians.h", "!is_public(bpf_ntohl(v4), set->flags)", "0", "U1 loopback"),
    ("U1", "martians.h", "first == 10 ||", "", "U1 private"),
    ("U1", "martians.h", "(flags & MARTIANS_LAB) != 0", "1", "U1 documentation is strict"),
    ("U1", "martians.h", "set->flags & HAVE_DENY4 &&", "0 &&", "U1 denied"),
    ("U1", "martians.h", "!(set->flags & HAVE_ALLOW4) ||", "1 ||", "U1 not allowed"),
    ("U2", "up.h", "received && *nibble >> 4 == 0xf", "0", "U2 TSP"),
    ("U2", "up.h", "if (!received) {", "if (0) {", "U2 empty"),
    ("U2", "up.h", "*nibble >> 4 != 6", "0", "U2 nibble 0"),
    ("U3", "up.h", "if (cut(ctx, INNER_UP + length) < 0 || ", "if (", "U3 shortest"),
    ("U9", "up.h", "if (cut(ctx, INNER_UP + length) < 0) {", "if (0) {", "U9 hairpin"),
    ("U3", "up.h", "length > received ||", "", "U3 shorter than it says"),
    ("U3", "up.h", "|| (length == HEADER && inner.next == HOP_BY_HOP)", "", "U3 jumbogram"),
    ("U3", "layout.h", "#define LARGEST 1280", "#define LARGEST 1276", "U3 1280 octets"),
    ("U3", "up.h", "if (length > LARGEST) {", "if (0) {", "U3 1281 octets"),
    ("U3", "up.h", "length != received ||", "", "U3 longer by zeros is cut"),
    ("U4", "up.h", "!is_observed || !is_valid(set, inner.source)", "!is_observed",
        "U4 wrong tag"),
    ("U4", "up.h", "!is_observed || !is_valid(set, inner.source)",
        "!is_valid(set, inner.source)", "U4 another client"),
    ("U4", "up.h", "inner.source[2] == v4 &&", "", "U4 another client by its port"),
    ("U4", "up.h", "|| !is_observed) { // X-12", ") {", "U4 other prefix, another IPv4"),
    ("U4", "up.h", "!(set->flags & FOREIGN_HINT) ||", "", "U4 other prefix, hint off"),
    ("U4", "rules.h", "return tag == 0;", "return 1;", "U4 tag off, but one there"),
    ("U4", "rules.h", "return tag != 0;", "return 1;", "U4 no tag of a LAN"),
    ("U4", "siphash.h", "v2 ^= 0xff;", "v2 ^= 0xee;", "U1 good source"),
    ("U5", "up.h", "upper_layer(ctx, INNER_UP, length, inner.next) & BROKEN", "0",
        "U5 chain cut"),
    ("U5", "parsing.h", "kind == ROUTING && head[2] == 0", "0", "U5 routing header 0"),
    ("U5", "parsing.h", "at + 8 > length ||", "at > length ||", "U5 chain cut"),
    ("U5", "parsing.h", "#define MAX_EXTENSIONS 6", "#define MAX_EXTENSIONS 9",
        "U5 seven headers"),
    ("U5", "parsing.h", "head[2] || head[3] & 0xf8", "0",
        "U5 behind a later fragment nothing is known"),
    ("U5", "up.h", "!(set->flags & ALLOW_HOP_BY_HOP)", "0", "U5 hop-by-hop off"),
    ("U6", "up.h", "!inside && is_forbidden(set, inner.destination)", "0", "U6 link-local"),
    ("U6", "martians.h", "a == 0 && b == 0 && (c == 0 || c == 0xffff)", "0", "U6 loopback"),
    ("U6", "martians.h", "!(set->flags & ALLOW_NAT64)", "0", "U6 NAT64"),
    ("U6", "martians.h", "|| b >> 16 == 1", "", "U6 NAT64 local"),
    ("U6", "martians.h", "first == 0xff || (first == 0xfe && a & 0x800000)", "first == 0xff",
        "U6 site-local"),
    ("U6", "martians.h", "a >> 16 == 0x2002", "0", "U6 6to4 of the server"),
    ("U6", "martians.h", "a == 0x20010000", "0", "U6 Teredo by the server"),
    ("U6", "martians.h", "is_server(set, bpf_htonl(v4)) ||", "", "U6 6to4 of another server"),
    ("U6", "up.h", "set->flags & HAVE_DENY6 &&", "0 &&", "U6 denied destination"),
    ("ECN", "up.h", "marked == 3 && ecn == 0", "0", "ECN outer CE, inner not"),
    ("ECN", "up.h", "(marked == 1 && ecn == 2)", "0", "ECN outer ECT(1), inner ECT(0)"),
    ("U7", "up.h", "if (is_own(set, inner.destination)) {", "if (0) {", "U7 echo to P::1"),
    ("U7", "up.h", "!is_echo(ctx, INNER_UP, length, inner.next)", "0", "U7 UDP to P::1"),
    ("U8", "up.h", "inner.hops <= 1", "0", "U8 hop limit 1"),
    ("U8", "up.h", "inner.hops <= 1", "inner.hops <= 2", "U8 hop limit 2"),
    ("U9", "up.h", "!(set->flags & HAIRPIN)", "0", "U9 hairpin off"),
    ("U9", "up.h", "int failed = judge_destination(set, &inner);", "int failed = 0;",
        "U9 to a wrong tag"),
    ("U9", "up.h", "packet->hops--;", "", "U9 hairpin"),
    ("U9", "up.h", "sum += folded(packet->first) + *(__u16 *)&packet->next;", "",
        "U9 hairpin of an odd length"),
    ("U10", "up.h", "packet->hops = inner->hops - 1;", "", "U1 good source"),
    ("U10", "up.h", "packet->first = inner->first;\n    packet->hops", "packet->hops",
        "ECN outer CE, inner ECT(0)"),
    ("D1", "down.h", "bpf_ntohl(inner.first) >> 28 != 6 ||", "", "D1 version 4"),
    ("D1", "down.h", "|| ETHERNET + length > bpf_xdp_get_buff_len(ctx)", "",
        "D1 shorter than it says"),
    ("D2", "down.h", "!is_prefix(set, inner.destination)",
        "inner.destination[0] != set->prefix[0]", "D2 another prefix"),
    ("D3", "rules.h", "if (port == 0) {", "if (0) {", "D3 no error for an error"),
    ("D3", "down.h", "if (is_own(set, inner.destination)) {", "if (0) {", "D3 echo to P::1"),
    ("D3", "parsing.h", "return type < 128 || type == 137;", "return 0;",
        "D3 no error for an error"),
    ("D4", "rules.h", "!is_usable(set, v4, port) ||", "", "D4 port below, tag off"),
    ("D4", "rules.h", "|| is_server(set, v4)", "", "D4 another server, tag off"),
    ("D4", "martians.h", "v4 == set->service", "0", "D4 our own IPv4, tag off"),
    ("D5", "rules.h", "!is_valid(set, inner->destination)", "0", "D5 wrong tag"),
    ("D6", "down.h", "int bad = is_bad_source(set, inner.source);", "int bad = 0;",
        "D6 multicast"),
    ("D6", "martians.h", "if (is_prefix(set, address)) {\n        return 1;", "if (0) {",
        "D6 one of our clients"),
    ("D6", "martians.h", "c == 0xffff || (c == 0 && bpf_ntohl(address[3]) < 2)", "c == 0xffff",
        "D6 loopback"),
    ("D6", "martians.h", "|| a >> 22 == 0xfe80 >> 6", "", "D6 link-local"),
    ("D6", "down.h", "set->flags & HAVE_DENY6 &&", "0 &&", "D6 denied source"),
    ("D7", "down.h", "if (length > LARGEST) {", "if (0) {", "D7 1281 octets"),
    ("D8", "down.h", "inner.hops <= 1", "0", "D8 hop limit 1"),
    ("D8", "down.h", "packet->hops--;", "", "D8 hop limit 2"),
    ("D9", "down.h", "sum += 0xffff - before + *(__u16 *)&packet->next;", "", "D1 good"),
    ("D9", "down.h", "tos &= 3; // ECN", "tos = 0; // ECN", "D9 DSCP off"),
    ("D9", "forward.h", "outer->tos = tos;", "outer->tos = 0;", "D9 DSCP and ECN are copied"),
    ("D9", "forward.h", "outer->udp_checksum = checksum ? checksum : 0xffff;",
        "outer->udp_checksum = 0;", "D1 good"),
    ("D9", "forward.h", "outer->fragment = 0;", "outer->fragment = bpf_htons(0x4000);", "D1 good"),
    ("D9", "sum.h", "*(__u32 *)(cpu->copy + (length & ~3)) = 0;", "", "D9 an odd length"),
)  # fmt: skip


def failing(plane):
    """Names of the rows that fail."""
    out = set()
    for check, table in (
        (both.check_from_tunnel, rows.FROM_TUNNEL),
        (both.check_to_tunnel, rows.TO_TUNNEL),
    ):
        for row in table:
            try:
                check(plane, row)
            except AssertionError:
                out.add(row[0])
    return out


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda one: f"{one[0]} {one[2][:40]}".replace("\n", " ")
)
def test_row_fails(mutant, tmp_path):
    k.need_object()
    _, name, text, replacement, row = mutant
    folder = tmp_path / "bpf"
    shutil.copytree(k.SOURCE.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(bpf_build.SHARED, folder, dirs_exist_ok=True)
    file = folder / name
    source = file.read_text()
    assert source.count(text) == 1, "the mutant must name one place"
    file.write_text(source.replace(text, replacement))
    plane = k.KernelPlane(
        bpf_build.build(folder / k.SOURCE.name, tmp_path / "x.o", ("-Wno-error",))
    )
    found = failing(plane)
    plane.tables.close()
    assert row in found


def test_no_row_fails():
    """The unchanged source fails no row, so that the mutants' failures are their own."""
    plane = k.KernelPlane()
    assert failing(plane) == set()
    plane.tables.close()
