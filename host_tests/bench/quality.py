# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Quality of what is heard, ours beside baresip's of the very same streams: quality.md anew.

    python host_tests/bench/quality.py          # as root: baresip plays in a lab, in real time
    python host_tests/bench/quality.py short    # 2 seeds of some rows, printed and not kept
    python host_tests/bench/quality.py ours     # without baresip, printed and not kept

PESQ (ITU-T P.862, at 16000 Hz P.862.2) of each cell, mean of 10 seeds. Ends with 1 if ours is
worse by more than 0.1 anywhere.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.bench.listening import ours, streams, theirs  # noqa: E402
from host_tests.bench.listening.streams import CODECS, JITTERS, LOSSES, Cell, Codec  # noqa: E402
from tools.lab.measure import pesq_score  # noqa: E402
from tools.lab.network import Lab  # noqa: E402

FOLDER = TOP / "build" / "bench" / "listening"
TABLE = Path(__file__).with_suffix(".md")
SEEDS = 10
TARGET = -0.1  # ours less baresip's, in no cell below
AT_ONCE = 30  # streams that baresip plays side by side
SPARE_MS = 1500

_HEAD = """# Quality beside baresip

Made by `quality.py`, not by hand. PESQ of speech (espeak-ng, Harvard sentences, %(seconds).1f s)
after a network: narrowband (P.862) for sound of 8000, wideband (P.862.2) for sound of 16000; mean
of %(seeds)d seeds. The numbers of the two scales do not compare.

- Loss: packets of 20 ms, each by itself. Jitter: each packet is late by 0 to so many ms, evenly
  spread and by itself; packets overtake.
- Ours: the media core, fed the packets at the moments of their arrival. baresip: Debian's
  %(version)s, the same packets from a sender in a namespace at the same moments
  (%(late).2f %% of them more than 5 ms late, the worst %(worst).0f ms), jitter buffer of 5 to 10
  packets, module plc for codecs without concealment of their own (all but Opus); what its player
  plays is recorded.
- Delay is not in these numbers: ours is 40 ms without jitter, baresip's buffer holds more.

%(verdict)s
"""


def cells(codec: Codec, seeds: int, short: bool) -> list[Cell]:
    """All rows of a codec, each with its seeds."""
    losses, jitters = ((0, 5, 20), (0, 60)) if short else (LOSSES, JITTERS)
    return [
        Cell(codec, loss, jitter, seed)
        for loss in losses
        for jitter in jitters
        for seed in range(seeds)
    ]


def score(work: "tuple[Cell, Any, Any]") -> "tuple[Cell, float]":  # noqa: F821
    """PESQ of one recording."""
    cell, reference, samples = work
    return cell, pesq_score(reference, samples, cell.codec.rate)


def mean(scores: "Iterable[tuple[Cell, float]]") -> "dict[tuple[int, int], float]":
    """Mean of the seeds of each row."""
    rows: dict[tuple[int, int], list[float]] = {}
    for cell, value in scores:
        rows.setdefault((cell.loss, cell.jitter), []).append(value)
    return {row: statistics.mean(values) for row, values in rows.items()}


def listen_to_ours(codec: Codec, wanted: list[Cell], pool: ProcessPoolExecutor):
    """PESQ of the rows of a codec."""
    reference = streams.reference(FOLDER, codec)
    parts = ours.talk(FOLDER, codec, reference)
    ms = len(parts) * streams.PTIME_MS + SPARE_MS
    heard = [
        (cell, reference, ours.listen(FOLDER, cell, streams.packets(cell, parts), ms)[0])
        for cell in wanted
    ]
    return mean(pool.map(score, heard, chunksize=4))


def listen_to_theirs(lab: Lab, codec: Codec, wanted: list[Cell], pool: ProcessPoolExecutor):
    """PESQ of the rows of a codec, and by how many ms each packet was late."""
    host, caller = lab.host(f"peer{codec.name}"), lab.host(f"caller{codec.name}")
    for one in (host, caller):
        one.wait_address()
    reference = streams.reference(FOLDER, codec)
    parts = ours.talk(FOLDER, codec, reference)
    listeners = theirs.Listeners(host, caller, codec, min(AT_ONCE, len(wanted)))
    heard = []
    try:
        for at in range(0, len(wanted), listeners.count):
            some = wanted[at : at + listeners.count]
            played = listeners.listen([(cell, streams.packets(cell, parts)) for cell in some])
            heard += [(cell, reference, samples) for cell, samples in played]
    finally:
        listeners.close()
    return mean(pool.map(score, heard, chunksize=4)), listeners.late_ms


def version() -> str:
    """What Debian calls it."""
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version}", "baresip-core"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def table(codec: Codec, mine, other) -> "list[str]":
    """Rows of a codec; the worst difference is marked by who reads."""
    lines = [f"## {codec.name}", "", "| loss % | jitter ms | ours | baresip | ours - baresip |"]
    lines.append("|---|---|---|---|---|")
    for (loss, jitter), value in mine.items():
        theirs_ = other.get((loss, jitter)) if other else None
        rest = "- | -" if theirs_ is None else f"{theirs_:.2f} | {value - theirs_:+.2f}"
        lines.append(f"| {loss} | {jitter} | {value:.2f} | {rest} |")
    return [*lines, ""]


def main(words: "list[str]") -> int:
    """Measure, print, keep."""
    short, beside = "short" in words, "ours" not in words
    names = [word for word in words if word not in ("short", "ours")]
    if beside and os.geteuid() != 0:
        print("quality beside baresip needs root (a lab); ours alone:")
        beside = False
    seeds = 2 if short else SEEDS
    ours.build(FOLDER)
    lines, differences, late, seconds = [], [], [], 0.0
    if beside:
        os.setpriority(os.PRIO_PROCESS, 0, -15)  # the sender of packets, above all
    with ProcessPoolExecutor(os.cpu_count(), initializer=os.nice, initargs=(10,)) as pool:
        lab = Lab(FOLDER / "lab") if beside else None
        try:
            if lab is not None:
                lab.__enter__()
            for codec in CODECS:
                if names and codec.name not in names:
                    continue
                wanted = cells(codec, seeds, short)
                seconds = len(streams.reference(FOLDER, codec)) / codec.rate
                other = None
                if lab is not None:
                    other, some = listen_to_theirs(lab, codec, wanted, pool)
                    late += some
                mine = listen_to_ours(codec, wanted, pool)
                if other:
                    differences += [(mine[row] - other[row], codec.name, row) for row in mine]
                lines += table(codec, mine, other)
                print("\n".join(lines[-len(mine) - 5 :]), flush=True)
        finally:
            if lab is not None:
                lab.__exit__(None, None, None)
    if not differences:
        return 0
    least, name, row = min(differences)
    better = sum(difference > 0 for difference, _, _ in differences)
    verdict = (
        f"Of {len(differences)} rows ours is better in {better}; at worst it is {least:+.2f} "
    )
    verdict += f"({name}, loss {row[0]} %, jitter {row[1]} ms; target {TARGET:+.2f})."
    print(verdict)
    if not short and not names:
        head = {"seconds": seconds, "seeds": seeds, "version": version()}
        head["late"] = 100 * sum(ms > 5 for ms in late) / len(late)
        head["worst"] = max(late)
        TABLE.write_text(_HEAD % {**head, "verdict": verdict} + "\n" + "\n".join(lines))
    return 0 if least >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
