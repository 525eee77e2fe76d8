# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What pyproject.toml cannot say: the wheel holds the servers' BPF objects, compiled here."""

import importlib.util
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TOP = Path(__file__).resolve().parent


class BuildWithObjects(build_py):
    """build_py, then clang; without clang the wheel has no objects, and says so."""

    def run(self):
        super().run()
        if not self.editable_mode:
            path = TOP / "tools" / "common" / "bpf_build.py"
            spec = importlib.util.spec_from_file_location("bpf_build", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            for server, source in module.SOURCES.items():
                if f"vox6.{server}" in (self.packages or ()):
                    self._compile(module, server, source)

    def _compile(self, module, server, source):
        output = Path(self.build_lib, "vox6", server, source.with_suffix(".o").name)
        try:
            module.build(source, output)
        except (module.BuildError, OSError) as error:
            self.warn(
                f"{output.name} is not in this wheel, {server} will use its portable data plane "
                f"alone: {error}"
            )


setup(cmdclass={"build_py": BuildWithObjects})
