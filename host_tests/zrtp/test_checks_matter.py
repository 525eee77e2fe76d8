# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Can the attack tests fail? Each check of lib/zrtp is taken out of a copy: a test must see it.

A case that no longer finds its line has to follow lib/zrtp: the test says so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PUBLIC, CHAIN, ORDER, CONTENTION, STOLEN, DOWNGRADE, HASH, AFTER, MALFORMED, BZRTP = (
    "attack_public_values",
    "attack_hash_chain",
    "attack_order",
    "attack_contention",
    "attack_stolen_secret",
    "attack_downgrade",
    "attack_hello_hash",
    "attack_after_secure",
    "attack_malformed",
    "bzrtp",
)

# name: (test file, [(file of lib, what stands there, what it becomes)])
CASES = {
    "public value (both layers)": (
        PUBLIC,
        [
            (
                "zrtp/algorithms.py",
                '    if key_agreement not in ("DH2k", "DH3k"):\n        return False\n',
                "    return False\n",
            ),
            ("crypto/host.py", "or not 1 < value < self._prime - 1", ""),
        ],
    ),
    "public length": (
        PUBLIC,
        [
            (
                "zrtp/agreement.py",
                "if len(message.public) != PUBLIC_OCTETS[key_agreement]:",
                "if False:",
            ),
            ("crypto/host.py", "len(public) != self._size or", ""),
        ],
    ),
    "hvi": (
        CHAIN,
        [
            (
                "zrtp/agreement.py",
                "if not self._provider.equal(found, commit.commitment):",
                "if False:",
            ),
        ],
    ),
    "H2 of Commit": (
        CHAIN,
        [
            (
                "zrtp/commitment.py",
                'self._provider.equal(self._provider.digest("SHA-256", message.h2), peer.h3)',
                "True",
            ),
        ],
    ),
    "MAC of Hello at Commit": (
        CHAIN,
        [
            (
                "zrtp/commitment.py",
                "if not is_signed(self._provider, message.h2, peer.octets):",
                "if False:",
            ),
        ],
    ),
    "MAC of Hello at DHPart1": (
        CHAIN,
        [
            (
                "zrtp/agreement.py",
                "if not is_signed(self._provider, h2, peer.octets):",
                "if False:",
            ),
        ],
    ),
    "H1 of DHPart1": (
        CHAIN,
        [
            (
                "zrtp/agreement.py",
                "if not self._provider.equal(self._digest(h2), peer.h3):",
                "if False:",
            ),
        ],
    ),
    "H1 of DHPart2": (
        CHAIN,
        [
            (
                "zrtp/agreement.py",
                "self._provider.equal(self._digest(message.h1), commit.h2)",
                "True",
            ),
        ],
    ),
    "MAC of Commit": (
        CHAIN,
        [
            (
                "zrtp/agreement.py",
                "if not is_signed(self._provider, message.h1, exchange.commit):",
                "if False:",
            ),
        ],
    ),
    "H0 in DH mode": (
        CHAIN,
        [
            ("zrtp/confirmation.py", "if not provider.equal(h1, exchange.peer_h1):", "if False:"),
        ],
    ),
    "MAC of DHPart": (
        CHAIN,
        [
            ("zrtp/confirmation.py", "if not is_signed(provider, part.h0, dhpart):", "if False:"),
        ],
    ),
    "H0 without DH": (
        CHAIN,
        [
            (
                "zrtp/confirmation.py",
                "if not provider.equal(self._digest(h2), peer.h3):",
                "if False:",
            ),
        ],
    ),
    "MAC of Hello without DH": (
        CHAIN,
        [
            ("zrtp/confirmation.py", "if not is_signed(provider, h2, peer.octets):", "if False:"),
        ],
    ),
    "MAC of Commit without DH": (
        CHAIN,
        [
            (
                "zrtp/confirmation.py",
                "if not exchange.initiator and not is_signed(provider, h1, exchange.commit):",
                "if False:",
            ),
        ],
    ),
    "confirm_mac": (
        CHAIN,
        [
            (
                "zrtp/confirmation.py",
                "if not self._provider.equal(tag, message.encrypted_mac):",
                "if False:",
            ),
        ],
    ),
    "stranger": (
        AFTER,
        [
            (
                "zrtp/engine.py",
                "if self._peer_ssrc is not None and ssrc != self._peer_ssrc:",
                "if False:",
            ),
        ],
    ),
    "equal ZID": (
        CONTENTION,
        [
            ("zrtp/discovery.py", "if message.zid == self.session.zid:", "if False:"),
        ],
    ),
    "nonce reuse": (
        ORDER,
        [
            ("zrtp/session.py", "if nonce in self._nonces or", "if"),
        ],
    ),
    "ZID of Commit": (
        CONTENTION,
        [
            ("zrtp/commitment.py", "if message.zid != peer.zid:", "if False:"),
        ],
    ),
    "algorithms of Commit": (
        DOWNGRADE,
        [
            ("zrtp/commitment.py", "        check(self.session.lists, message.algorithms)\n", ""),
        ],
    ),
    "cache kept at mismatch": (
        STOLEN,
        [
            (
                "zrtp/confirmation.py",
                "mismatch and not self._policy.protected_signalling,",
                "False,",
            ),
        ],
    ),
    "verified without s1": (
        CONTENTION,
        [
            (
                "zrtp/confirmation.py",
                "verified = entry is not None and entry.verified and s1 is not None",
                "verified = entry is not None and entry.verified",
            ),
        ],
    ),
    "V sent without s1": (
        STOLEN,
        [
            ("zrtp/confirmation.py", "            and exchange.matched[0] is not None\n", ""),
        ],
    ),
    "mismatch not told": (
        CONTENTION,
        [
            (
                "zrtp/confirmation.py",
                "mismatch = known and s1 is None and not expired",
                "mismatch = False",
            ),
        ],
    ),
    "GoClear MAC": (
        AFTER,
        [
            (
                "zrtp/clearing.py",
                "self._provider.equal(message.clear_mac, self._clear_mac(not self._is_initiator))",
                "True",
            ),
        ],
    ),
    "GoClear MAC of either role": (
        AFTER,
        [
            (
                "zrtp/clearing.py",
                "self._provider.equal(message.clear_mac, self._clear_mac(not self._is_initiator))",
                "message.clear_mac in (self._clear_mac(True), self._clear_mac(False))",
            ),
        ],
    ),
    "GoClear not allowed": (
        AFTER,
        [
            ("zrtp/clearing.py", "if not self._policy.allow_clear:", "if False:"),
        ],
    ),
    "relay not enrolled": (
        AFTER,
        [
            ("zrtp/clearing.py", "hello.mitm and self._trusts_relay and", "hello.mitm and"),
        ],
    ),
    "hello hash": (
        HASH,
        [
            (
                "zrtp/discovery.py",
                "        return self._provider.equal(digest, self._peer_hash)",
                "        return True",
            ),
        ],
    ),
    "CRC": (
        MALFORMED,
        [
            (
                "zrtp/packet.py",
                "if bytes(data[end:]) != crc(memoryview(data)[:end]):",
                "if False:",
            ),
        ],
    ),
    "contention": (
        CONTENTION,
        [
            ("zrtp/commitment.py", "return ours > theirs", "return ours < theirs"),
        ],
    ),
    "contention Prsh wins": (
        CONTENTION,
        [
            ("zrtp/commitment.py", 'return exchange.mode == "DH"', 'return exchange.mode != "DH"'),
        ],
    ),
    "M flag": (
        CONTENTION,
        [
            (
                "zrtp/commitment.py",
                'if exchange.mode == "Prsh" and self._require_peer().mitm:',
                "if False:",
            ),
        ],
    ),
    "collision": (
        ORDER,
        [
            ("zrtp/engine.py", '                event = "collision"', "                pass"),
        ],
    ),
    "late error": (
        AFTER,
        [
            (
                "zrtp/state.py",
                '(_SECURE, "Error"): ("late_error", _SECURE)',
                '(_SECURE, "Error"): ("failed_by_peer", _FAILED)',
            ),
        ],
    ),
    "T2 without an end": (
        MALFORMED,
        [
            ("zrtp/channel.py", "_T2_COUNT = const(10)", "_T2_COUNT = const(60)"),
        ],
    ),
    "output unbounded": (
        MALFORMED,
        [
            ("zrtp/channel.py", "if len(self._out) == _MAX_OUTPUT:", "if False:"),
        ],
    ),
    "ZID of further streams": (
        ORDER,
        [
            (
                "zrtp/commitment.py",
                "if self.session.zrtp_sess is None or message.zid != self.session.peer_zid:",
                "if self.session.zrtp_sess is None:",
            ),
            (
                "zrtp/discovery.py",
                "if self.session.zrtp_sess is not None and self.session.peer_zid != message.zid:",
                "if False:",
            ),
        ],
    ),
    "E implies not A": (
        AFTER,
        [
            (
                "zrtp/confirmation.py",
                "flags.allow_clear and not flags.enrollment,",
                "flags.allow_clear,",
            ),
        ],
    ),
    "s1 order": (
        STOLEN,
        [
            (
                "zrtp/agreement.py",
                "            for their in theirs[:2]:\n                for i in (0, 1):",
                "            for i in (0, 1):\n                for their in theirs[:2]:",
            ),
        ],
    ),
    "keys of the other role": (
        CHAIN,
        [
            (
                "zrtp/confirmation.py",
                "keys, exchange.hash_type, 1 if exchange.initiator else 0, message",
                "keys, exchange.hash_type, 0 if exchange.initiator else 1, message",
            ),
        ],
    ),
    "expiry 0 kept": (
        STOLEN,
        [
            (
                "zrtp/session.py",
                "        if self._expiration == 0:\n            erase",
                "        if False:\n            erase",
            ),
        ],
    ),
    "rs2 kept in Prsh": (
        STOLEN,
        [
            ("zrtp/session.py", "            if self._fresh_is_dh:\n", "            if True:\n"),
        ],
    ),
    "responder watchdog": (
        MALFORMED,
        [
            (
                "zrtp/channel.py",
                '        self._set("watchdog", now + _RESPONDER_TIMEOUT)',
                "        pass",
            ),
        ],
    ),
    "deny keeps": (
        STOLEN,
        [
            (
                "zrtp/session.py",
                "            self.cache.remove(self.peer_zid)",
                "            pass",
            ),
        ],
    ),
    "any Commit is taken for a repeated one": (
        MALFORMED,
        [
            (
                "zrtp/channel.py",
                "if not self._reply or message.octets != self._answered:",
                "if not self._reply:",
            ),
        ],
    ),
    "exponent": (
        PUBLIC,
        [
            ("zrtp/algorithms.py", 'return 256 if cipher == "AES1" else 512', "return 256"),
        ],
    ),
    "srtp": (
        BZRTP,
        [
            (
                "zrtp/state.py",
                '(_CONFIRM2_SENT, "srtp"): ("confirmed", _SECURE)',
                '(_CONFIRM2_SENT, "srtp"): ("nothing", _CONFIRM2_SENT)',
            ),
        ],
    ),
    "same chain": (
        CHAIN,
        [
            ("zrtp/keys.py", "self.h0 = provider.random(32)", "self.h0 = bytes(32)"),
        ],
    ),
    "session key not renewed": (
        AFTER,
        [
            ("zrtp/clearing.py", "        self.session.renew_key()\n", "        pass\n"),
        ],
    ),
    "T1 cap": (
        HASH,
        [
            ("zrtp/channel.py", "_T1_CAP = const(200)", "_T1_CAP = const(400)"),
        ],
    ),
    "preshared unverified": (
        STOLEN,
        [
            ("zrtp/commitment.py", "not entry.rs1 or not entry.verified or", "not entry.rs1 or"),
        ],
    ),
    "Multistream waits for the first exchange": (
        BZRTP,
        [
            (
                "zrtp/commitment.py",
                "self.session.zrtp_sess is None and self.session.busy not in (None, self)",
                "False",
            ),
        ],
    ),
    "replayed Commit in Clear": (
        AFTER,
        [("zrtp/commitment.py", "if self.state == CLEAR:", "if False:")],
    ),
    "late Commit of DH mode": (
        CONTENTION,
        [("zrtp/commitment.py", 'if exchange.mode == "Mult" and "Mult"', 'if "none"')],
    ),
    "secret of Preshared mode compared": (
        STOLEN,
        [("zrtp/commitment.py", "or entry is None or not entry.verified", "or entry is None")],
    ),
    "false Hello after Confirm1": (
        HASH,
        [("zrtp/engine.py", "        if self.state == CONFIRM2_SENT:\n", "        if False:\n")],
    ),
    "collision of a false Hello": (
        HASH,
        [
            (
                "zrtp/discovery.py",
                "if self._peer_hash is not None and self._policy.strict_hello_hash:",
                "if False:",
            ),
        ],
    ),
}


def weakened(folder, edits):
    """Copy lib/ and host_tests/zrtp, take checks out; return the environment to run there."""
    bare = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TOP / "lib", folder / "lib", ignore=bare)
    for name in ("zrtp", "vectors", "unit/mp"):
        shutil.copytree(TOP / "host_tests" / name, folder / "host_tests" / name, ignore=bare)
    shutil.copy(TOP / "host_tests" / "conftest.py", folder / "host_tests")
    shutil.copy(TOP / "pyproject.toml", folder)
    for name, before, after in edits:
        path = folder / "lib" / name
        text = path.read_text()
        assert before in text, "lib/%s has changed: %r is not there" % (name, before)
        path.write_text(text.replace(before, after))
    (folder / "build" / "path").mkdir(parents=True)
    (folder / "build" / "path" / "vox6").symlink_to("../../lib")
    return dict(os.environ, PYTHONPATH="%s:%s" % (folder / "build" / "path", folder))


def run(folder, environment, name):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no"]
    command += ["-m", "not soak", "--timeout", "100", "host_tests/zrtp/test_%s.py" % name]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250
    )


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES)
def test_a_missing_check_is_seen(case, tmp_path):
    name, edits = CASES[case]
    done = run(tmp_path, weakened(tmp_path, edits), name)
    assert done.returncode == 1, "nobody missed it: " + case
    assert "failed" in done.stdout, done.stdout + done.stderr


@pytest.mark.soak
def test_the_copy_passes_as_it_is(tmp_path):
    environment = weakened(tmp_path, [])
    for name in (PUBLIC, CHAIN, ORDER, CONTENTION, STOLEN, DOWNGRADE, HASH, AFTER, MALFORMED):
        done = run(tmp_path, environment, name)
        assert done.returncode == 0, done.stdout
