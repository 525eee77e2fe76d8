# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: a tool of the host
"""The import rules: each rule is shown failing, and what it must let through."""

import tempfile
import unittest
from pathlib import Path

from tools import check_imports

MANIFESTS = {
    "lib/wire/manifest.py": "",
    "lib/crypto/manifest.py": "",
    "lib/sdp/manifest.py": 'require("vox6-wire")\n',
    "lib/sip/manifest.py": 'require("vox6-wire")\nrequire("vox6-crypto")\n',
}


def rules(files):
    """Write files {path: text} into an empty tree; return [(path, line, rule)] found there."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        for path, text in {**MANIFESTS, **files}.items():
            file = top / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return [(v.path, v.line, v.rule) for v in check_imports.check(top)]


class Library(unittest.TestCase):
    def test_allowed_edge(self):
        text = "from vox6.wire import const\nfrom ..crypto import provider\nfrom . import uri\n"
        self.assertEqual(rules({"lib/sip/message.py": text}), [])

    def test_edge_outside_table(self):
        text = "from vox6.sdp import description\n"
        self.assertEqual(rules({"lib/sip/x.py": text}), [("lib/sip/x.py", 1, "edge")])

    def test_edge_by_relative_import(self):
        found = rules({"lib/sip/x.py": "\nfrom ..sdp import description\n"})
        self.assertEqual(found, [("lib/sip/x.py", 2, "edge")])

    def test_edge_of_namespace_import(self):
        found = rules({"lib/sip/x.py": "from vox6 import sdp\n"})
        self.assertEqual(found, [("lib/sip/x.py", 1, "edge")])

    def test_edge_inside_function(self):
        found = rules({"lib/sip/x.py": "def f():\n    import vox6.sdp\n"})
        self.assertEqual(found, [("lib/sip/x.py", 2, "edge")])

    def test_edge_by_dunder_import(self):
        found = rules(
            {"lib/sip/x.py": '__import__("vox6.sdp")\n__import__(n, None, None, (), 1)\n'}
        )
        self.assertEqual(found, [("lib/sip/x.py", 1, "edge")])

    def test_computed_import(self):
        found = rules({"lib/sip/x.py": "__import__(name)\n"})
        self.assertEqual(found, [("lib/sip/x.py", 1, "edge")])

    def test_edge_for_types_counts(self):
        text = "if TYPE_CHECKING:\n    from vox6.sdp import description\n"
        self.assertEqual(rules({"lib/sip/x.py": text}), [("lib/sip/x.py", 2, "edge")])

    def test_edge_not_in_manifest(self):
        found = rules({"lib/sdp/x.py": "import vox6.wire\n", "lib/sdp/manifest.py": ""})
        self.assertEqual(found, [("lib/sdp/x.py", 1, "edge")])

    def test_manifest_asks_too_much(self):
        manifest = 'require("vox6-sip")\n'
        found = rules({"lib/sdp/x.py": "", "lib/sdp/manifest.py": manifest})
        self.assertEqual(found, [("lib/sdp/manifest.py", 1, "edge")])

    def test_no_manifest(self):
        found = rules({"lib/rtp/x.py": ""})
        self.assertEqual(found, [("lib/rtp/manifest.py", 1, "edge")])

    def test_unknown_package(self):
        found = rules({"lib/fax/x.py": "", "lib/fax/manifest.py": ""})
        self.assertEqual(found, [("lib/fax/manifest.py", 1, "edge")])

    def test_wire_and_crypto_import_nothing(self):
        found = rules({"lib/crypto/x.py": "import vox6.wire\n", "lib/wire/x.py": ""})
        self.assertEqual(found, [("lib/crypto/x.py", 1, "edge")])

    def test_up_the_tree(self):
        text = "import firmware.main\nimport tools.lab\nimport host_tests.sim\n"
        found = rules({"lib/sip/x.py": text})
        self.assertEqual([rule for _, _, rule in found], ["edge", "edge", "edge"])

    def test_module_of_lib_itself(self):
        self.assertEqual(rules({"lib/x.py": ""}), [("lib/x.py", 1, "edge")])

    def test_engine(self):
        for name in (
            "socket select asyncio time os sys machine network random logging "
            "utime threading _board net6 media board"
        ).split():
            with self.subTest(name=name):
                found = rules({"lib/sip/x.py": f"import {name}\n"})
                self.assertIn(("lib/sip/x.py", 1, "engine"), found)

    def test_engine_from_import(self):
        found = rules({"lib/sip/x.py": "from time import ticks_ms\n"})
        self.assertEqual(found, [("lib/sip/x.py", 1, "engine")])

    def test_provider(self):
        text = "import _crypto\nfrom cryptography.hazmat import x\nimport hashlib\n"
        found = rules({"lib/sip/x.py": text})
        self.assertEqual([rule for _, _, rule in found], ["provider"] * 3)
        self.assertEqual(rules({"lib/crypto/x.py": text}), [])

    def test_subset(self):
        for name in "dataclasses enum typing abc functools contextlib ipaddress hmac".split():
            with self.subTest(name=name):
                found = rules({"lib/sip/x.py": f"import {name}\n"})
                self.assertEqual(found, [("lib/sip/x.py", 1, "subset")])
                self.assertEqual(
                    rules({"lib/sip/x.py": f"if TYPE_CHECKING:\n    import {name}\n"}), []
                )


class Firmware(unittest.TestCase):
    def test_allowed(self):
        text = (
            "import asyncio\nimport net6\nimport media\nimport board\nfrom vox6.sip import uri\n"
        )
        self.assertEqual(rules({"firmware/net/driver.py": text}), [])

    def test_socket(self):
        found = rules({"firmware/net/driver.py": "import socket\n"})
        self.assertEqual(found, [("firmware/net/driver.py", 1, "firmware")])

    def test_hardware(self):
        for name in ("machine", "network", "_board"):
            with self.subTest(name=name):
                found = rules({"firmware/x.py": f"import {name}\n"})
                self.assertEqual(found, [("firmware/x.py", 1, "firmware")])

    def test_tools_and_tests(self):
        found = rules({"firmware/x.py": "import tools.lab\nimport host_tests.sim\n"})
        self.assertEqual([rule for _, _, rule in found], ["firmware", "firmware"])

    def test_subset(self):
        self.assertEqual(
            rules({"firmware/x.py": "import enum\n"}), [("firmware/x.py", 1, "subset")]
        )

    def test_if_board(self):
        text = "if BOARD == 'A':\n    pass\nx = 1 if sys.platform == 'linux' else 2\n"
        found = rules({"firmware/x.py": text})
        self.assertEqual(
            found, [("firmware/x.py", 1, "if-board"), ("firmware/x.py", 3, "if-board")]
        )
        self.assertEqual(rules({"boards/A/board.py": text}), [])

    def test_ipv4(self):
        text = "s = f(socket.AF_INET, AF_INET)\n"
        found = rules({"firmware/ui/x.py": text, "lib/sip/x.py": text, "firmware/net/x.py": text})
        self.assertEqual(
            sorted({(path, rule) for path, _, rule in found}),
            [("firmware/ui/x.py", "ipv4"), ("lib/sip/x.py", "ipv4")],
        )


class BoardsToolsTests(unittest.TestCase):
    def test_board(self):
        text = "import _board\nimport panel_link\nimport machine\n"
        self.assertEqual(rules({"boards/A/board.py": text}), [])
        for name in ("vox6.sip", "firmware.main", "tools.lab", "host_tests.sim"):
            with self.subTest(name=name):
                found = rules({"boards/A/board.py": f"import {name}\n"})
                self.assertEqual(found, [("boards/A/board.py", 1, "board")])

    def test_port_starts_the_phone_and_no_more(self):
        text = "import firmware.main\nfrom firmware.main import run\n"
        self.assertEqual(rules({"ports/qemu/modules/_start.py": text}), [])
        found = rules({"ports/qemu/x.py": "from firmware.main import phone\nimport vox6.sip\n"})
        self.assertEqual([rule for _, _, rule in found], ["board", "board"])
        found = rules({"boards/A/board.py": text})
        self.assertEqual([rule for _, _, rule in found], ["board", "board"])

    def test_tools(self):
        text = "import socket\nimport vox6.sip\nfrom tools import fetch\n"
        self.assertEqual(rules({"tools/lab/x.py": text}), [])
        found = rules({"tools/lab/x.py": "import firmware.main\nimport host_tests.sim\n"})
        self.assertEqual([rule for _, _, rule in found], ["tests", "server"])

    def test_server(self):
        text = "import tools.common.driver\nimport vox6.pubtsp\nimport tools.pubtspd.x\n"
        self.assertEqual(rules({"tools/pubtspd/x.py": text}), [])
        found = rules({"tools/pubtspd/x.py": "import tools.lab.network\n"})
        self.assertEqual(found, [("tools/pubtspd/x.py", 1, "server")])

    def test_host_tests_import_all(self):
        text = "import vox6.sip\nimport firmware.main\nimport tools.lab\nimport socket\n"
        self.assertEqual(rules({"host_tests/unit/test_x.py": text}), [])

    def test_syntax_error_is_named(self):
        self.assertEqual(rules({"tools/x.py": "def\n"}), [("tools/x.py", 1, "syntax")])


class Cores(unittest.TestCase):
    def test_clean(self):
        text = '#include <stdint.h>\n#include "net6/net6_core.h"\n'
        files = {
            "ports/cmodules/net6/net6_core.c": text,
            "ports/cmodules/net6/net6_core.h": "#include <stddef.h>\n",
            "ports/cmodules/net6/modnet6.c": '#include "py/obj.h"\n',
            "ports/cmodules/mbedtls/mbedtls_config.h": '#include "extmod/mbedtls/c.h"\n',
        }
        self.assertEqual(rules(files), [])

    def test_py_header(self):
        for path in (
            "ports/cmodules/net6/net6_core.c",
            "ports/cmodules/net6/net6_core.h",
            "ports/cmodules/net6/net6_text.c",
            "ports/unix/clock_core.c",
        ):
            with self.subTest(path=path):
                self.assertEqual(rules({path: '\n#include "py/obj.h"\n'}), [(path, 2, "core")])

    def test_hal(self):
        for name in (
            "mphalport.h",
            "cmsis.h",
            "hardware/irq.h",
            "pico/stdlib.h",
            "mpconfigport.h",
        ):
            with self.subTest(name=name):
                path = "ports/cmodules/media/media_core.c"
                self.assertEqual(rules({path: f"#include <{name}>\n"}), [(path, 1, "core")])

    def test_header_of_a_binding(self):
        files = {
            "ports/cmodules/net6/net6_core.c": '#include "modnet6.h"\n',
            "ports/cmodules/net6/modnet6.h": '#include "py/obj.h"\n',
        }
        found = rules(files)
        self.assertIn(("ports/cmodules/net6/net6_core.c", 1, "core"), found)

    def test_py_by_way_of_a_port_header(self):
        files = {
            "ports/qemu/clock_core.c": '#include "clock.h"\n',
            "ports/qemu/clock.h": '#include "py/mphal.h"\n',
        }
        self.assertEqual(rules(files), [("ports/qemu/clock_core.c", 1, "core")])

    def test_ipv4(self):
        path = "ports/cmodules/net6/net6_kernel.c"
        self.assertEqual(rules({path: "int f = AF_INET;\n"}), [(path, 1, "ipv4")])
        self.assertEqual(rules({path: "int f = AF_INET6;\n"}), [])


if __name__ == "__main__":
    unittest.main()
