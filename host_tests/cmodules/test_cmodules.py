# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Compile the C cores with clang's sanitizers and run each test_*.c and fuzz_*.c of this folder.

Objects are kept in build/cmodules and made again when a source or any header is newer.
"""

import concurrent.futures
import fcntl
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
CMODULES = TOP / "ports" / "cmodules"
OUT = TOP / "build" / "cmodules"
FUZZ_RUNS = 20000
FUZZ_SECONDS = 15  # or so long: the opus decoder in fuzz_rtp is slow under sanitizers
FUZZ_SEED = 6

# upstream shifts negative numbers left, which every compiler we use takes as meant
UPSTREAM = {"spandsp_unit.c", "speexdsp_unit.c"}
HARNESS = [HERE / "harness.c", HERE / "peer.c", HERE / "room.c"]
OPUS_DIRS = ("include", "celt", "silk", "silk/fixed")
OPUS_UNCHECKED = ["-fno-sanitize=shift"]
OPUS_FLAGS = ["-DOPUS_BUILD", "-DFIXED_POINT", "-DDISABLE_FLOAT_API", "-DVAR_ARRAYS"]
OPUS_FLAGS += ["-DHAVE_LRINTF", "-DENABLE_ASSERTIONS"]
CORES = [
    *sorted((CMODULES / "voicecodecs").glob("[!m]*.c")),
    *(
        CMODULES / "media" / name
        for name in (
            "media_core.c",
            "datagrams.c",
            "event.c",
            "noise.c",
            "receive.c",
            "secure.c",
            "tick.c",
            "bursts.c",
            "sound.c",
            "rtp.c",
            "jitter.c",
            "stretch.c",
            "resample.c",
            "tone.c",
        )
    ),
    *sorted((CMODULES / "srtp").glob("*.c")),
    *sorted((CMODULES / "speaker").glob("*.c")),
    *(
        CMODULES / "net6" / name
        for name in (
            "net6_core.c",
            "net6_address.c",
            "net6_blocks.c",
            "net6_stream.c",
            "net6_text.c",
            "resolv_conf.c",
        )
    ),
    *(CMODULES / "tunnel6" / name for name in ("tunnel6_core.c", "inner.c")),
    CMODULES / "ring" / "ring.c",
]


def upstream(variable: str) -> pathlib.Path:
    found = re.search(
        f"^{variable} := (.*)$", (TOP / "build/sources.mk").read_text(), re.MULTILINE
    )
    assert found, f"build/sources.mk lacks {variable}: run make setup"
    return pathlib.Path(found[1])


def opus_sources() -> "list[pathlib.Path]":
    """Those of ports/cmodules/cmodules.mk."""
    text = (CMODULES / "cmodules.mk").read_text().replace("\\\n", " ")
    names = []
    for value in re.findall(r"(?m)^CMODULES_OPUS_C [:+]= (.*)$", text):
        listed = re.fullmatch(r"\$\(addprefix (\S+),(.*)\)", value)
        names += [listed[1] + name for name in listed[2].split()] if listed else value.split()
    assert len(names) > 100
    return [upstream("OPUS_DIR") / name for name in names]


def opus_dirs() -> "list[pathlib.Path]":
    """Where the headers are that libopus and opus_voice.c take."""
    return [upstream("OPUS_DIR") / part for part in ("", *OPUS_DIRS)]


def include_dirs() -> "list[pathlib.Path]":
    """Ours, and as ports/cmodules/cmodules.mk has them for the files that take upstream's."""
    srtp = upstream("LIBSRTP_DIR")
    parts = ["include", "srtp"]
    parts += ["crypto/" + name for name in ("include", "cipher", "hash", "math", "replay")]
    parts += ["crypto/kernel"]
    dirs = [CMODULES, upstream("SPANDSP_DIR") / "src", CMODULES / "srtp" / "config"]
    speex = upstream("SPEEXDSP_DIR")
    dirs += [CMODULES / "speaker" / "config", speex / "include", speex / "libspeexdsp"]
    return dirs + [srtp / part for part in parts]


def newest_header() -> float:
    headers = [*CMODULES.rglob("*.h"), *HERE.glob("*.h"), pathlib.Path(__file__)]
    return max(path.stat().st_mtime for path in headers)


def run(command: "list[str]", timeout: int) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, (
        " ".join(command) + "\n" + done.stdout[-4000:] + done.stderr[-8000:]
    )
    return done.stdout


def compile_object(source: pathlib.Path, fuzz: bool) -> str:
    kind = "fuzz" if fuzz else "test"
    target = OUT / kind / (source.parent.name + "-" + source.stem + ".o")
    opus = upstream("OPUS_DIR")
    ours = not source.is_relative_to(opus)  # upstream's files see none of our headers
    newest = newest_header() if ours else pathlib.Path(__file__).stat().st_mtime
    if target.exists() and target.stat().st_mtime > max(source.stat().st_mtime, newest):
        return str(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    sanitizers = "address,undefined" + (",fuzzer-no-link" if fuzz else "")
    command = ["clang", "-std=gnu99", "-g", "-O1", "-Wall", "-Wextra", "-Werror"]
    command += ["-fsanitize=" + sanitizers, "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
    if source.name in UPSTREAM:
        command += ["-fno-sanitize=shift"]
    if not ours or source.name == "opus_voice.c":
        command += OPUS_FLAGS
        command += ["-I" + str(folder) for folder in opus_dirs()]
    if not ours:
        command += ["-w", *OPUS_UNCHECKED]
    command += ["-I" + str(folder) for folder in include_dirs()]
    command += ["-c", str(source), "-o", str(target)]
    run(command, 120)
    return str(target)


def build(source: pathlib.Path, fuzz: bool = False) -> str:
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / "lock", "w") as lock:  # pytest -n: one compiles, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        parts = (source, *HARNESS, *CORES, *opus_sources())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            objects = list(pool.map(compile_object, parts, [fuzz] * len(parts)))
        target = OUT / source.stem
        sanitizers = "address,undefined" + (",fuzzer" if fuzz else "")
        run(["clang", "-fsanitize=" + sanitizers, "-o", str(target), *objects, "-lm"], 120)
    return str(target)


def require_clang() -> None:
    assert shutil.which("clang"), "clang is missing: run make setup-test"


@pytest.mark.parametrize("name", sorted(path.stem for path in HERE.glob("test_*.c")))
def test_core(name: str) -> None:
    require_clang()
    output = run([build(HERE / (name + ".c"))], 240)
    assert "ok test_" in output


@pytest.mark.parametrize("name", sorted(path.stem for path in HERE.glob("fuzz_*.c")))
def test_fuzz(name: str, tmp_path: pathlib.Path) -> None:
    require_clang()
    program = build(HERE / (name + ".c"), fuzz=True)
    seeds = HERE / "seeds" / name
    command = [program, "-runs=%d" % FUZZ_RUNS, "-seed=%d" % FUZZ_SEED, "-max_len=4096"]
    command += ["-max_total_time=%d" % FUZZ_SECONDS]
    command += ["-artifact_prefix=" + str(tmp_path) + "/", str(tmp_path)]
    run(command + ([str(seeds)] if seeds.exists() else []), 400)
