# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What pyproject.toml cannot say: the wheel holds the tunnel server's BPF object, compiled here."""

import importlib.util
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TOP = Path(__file__).resolve().parent
PACKAGE = "vox6.pubtspd"


class BuildWithObject(build_py):
    """build_py, then clang; without clang the wheel has no object, and says so."""

    def run(self):
        super().run()
        if PACKAGE in (self.packages or ()) and not self.editable_mode:
            self._compile(Path(self.build_lib, *PACKAGE.split(".")) / "pubtsp.bpf.o")

    def _compile(self, output):
        path = TOP / "tools" / "pubtspd" / "bpf" / "build.py"
        spec = importlib.util.spec_from_file_location("bpf_build", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        try:
            module.build(output)
        except (module.BuildError, OSError) as error:
            self.warn(
                f"{output.name} is not in this wheel, pubtspd will use its portable data plane "
                f"alone: {error}"
            )


setup(cmdclass={"build_py": BuildWithObject})
