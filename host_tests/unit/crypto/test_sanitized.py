# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: it compiles C.
"""key_agreement.c with a board's configuration of mbedTLS, under clang's sanitizers."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[2]
SOURCES = TOP / "build" / "sources.mk"
OURS = ("arena", "key_agreement", "random")
MBEDTLS = (
    "aes bignum bignum_core constant_time ctr_drbg ecp ecp_curves platform platform_util"
).split()

pytestmark = pytest.mark.skipif(not SOURCES.exists(), reason="run make setup")


def test_key_agreement(tmp_path):
    assert shutil.which("clang"), "clang is missing: run make setup-test"
    micropython = Path(re.search(r"(?m)^MICROPYTHON_DIR := (.*)$", SOURCES.read_text())[1])
    mbedtls = micropython / "lib" / "mbedtls"
    program = tmp_path / "key_agreement"
    command = ["clang", "-std=gnu11", "-g", "-O1", "-fsanitize=address,undefined"]
    command += ["-fno-sanitize-recover=all", "-DVOX6_MBEDTLS_BARE_METAL=1"]
    command += ['-DMBEDTLS_CONFIG_FILE="cmodules/mbedtls/mbedtls_config.h"']
    command += [f"-I{TOP / 'ports'}", f"-I{TOP / 'ports' / 'cmodules'}", f"-I{micropython}"]
    command += [f"-I{mbedtls / 'include'}", "-o", program, HERE / "key_agreement.c"]
    command += [TOP / "ports" / "cmodules" / "crypto" / f"{name}.c" for name in OURS]
    command += [mbedtls / "library" / f"{name}.c" for name in MBEDTLS]
    # What is not called is not linked: time and TLS want more of a board.
    command += ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
    subprocess.run(command, check=True, timeout=240)
    done = subprocess.run([program], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    assert done.stdout.count("ok ") == 10
