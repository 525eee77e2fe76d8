# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Fuzz one target by what it covers: atheris, which is libFuzzer for Python.

    python -m host_tests.fuzz.parsers.fuzz sip-message FOLDER... -runs=20000 -seed=6

What is new goes into the first folder; all folders are read. Options are libFuzzer's; a finding is
written as crash-* (-artifact_prefix=) and ends the process with a status that is not 0. To see one
again: name its file in place of the folders.
"""

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent


def words_file(folder: Path, name: str, words: "list[str]") -> Path:
    """Write a target's words as libFuzzer's dictionary."""
    lines = []
    for word in words:
        octets = word.encode()
        lines.append('"%s"' % "".join("\\x%02x" % octet for octet in octets))
    path = folder / (name + ".dict")
    path.write_text("\n".join(lines) + "\n")
    return path


def main() -> None:
    from host_tests.fuzz.parsers import targets

    name = sys.argv[1]
    if name not in targets.TARGETS:
        sys.exit(
            "there is no target %s; there are: %s" % (name, " ".join(sorted(targets.TARGETS)))
        )
    function = targets.TARGETS[name]
    # libFuzzer starts itself anew to merge, by a shell and by this name
    itself = " ".join((sys.executable, "-m", "host_tests.fuzz.parsers.fuzz", name))
    arguments = [itself, *sys.argv[2:]]
    folders = [argument for argument in arguments[1:] if not argument.startswith("-")]
    if targets.WORDS[name] and folders and Path(folders[0]).is_dir():
        words = words_file(Path(folders[0]).parent, name, targets.WORDS[name])
        arguments.append("-dict=" + str(words))
    with atheris.instrument_imports(
        include=["vox6", "tools.siproxy64", "firmware", "host_tests.fuzz.planted"]
    ):
        function(b"")  # imports what it tests, so that it is instrumented
    atheris.Setup(arguments, function)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
