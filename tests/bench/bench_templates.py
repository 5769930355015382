"""Templates against drain3: the same ids, sizes and templates first, then how much faster.

The peer is `TemplateMiner.add_log_message` of drain3 with the seven masks of its README and its default settings, one call a
line, beside `TemplateMiner.add` of logsentry, in one process. Times are CPU time; the peer runs twice and we three times, each
from an empty miner, and the best counts. Lines are the staged logs without their headers, cut at blanks as loghub's formats
say: HDFS after 5 fields (date, time, pid, level, component), BGL after 9 (label … level), Thunderbird after 8
(label … location), so that its component and process id stay. The wide leaf has no masks: 1,000 clusters in one leaf, then
lines of which no two are equal.

    LOGSENTRY_DATA=… python tests/bench/bench_templates.py
"""

from __future__ import annotations

import gc
import lzma
import math
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from drain3.masking import MaskingInstruction
from drain3.template_miner import TemplateMiner as Drain3Miner
from drain3.template_miner_config import TemplateMinerConfig
from ratios import told

from logsentry.text.masks import DRAIN3_README_MASKS, Mask
from logsentry.text.templates import TemplateConfig, TemplateMiner

DATA = Path(os.environ.get("LOGSENTRY_DATA") or Path(__file__).parents[3] / "shared" / "data") / "loganomaly"
LOGS = {
    "HDFS": ("hdfs_raw_2pct/HDFS_2pct.log.xz", 5),
    "BGL": ("bgl_100k/bgl2_100k.log.xz", 9),
    "Thunderbird": ("thunderbird/tbird_20051115_19k.log.xz", 8),
}
Result = tuple[float, list[int], list[tuple[int, str, int]]]
"""Seconds, the cluster id of each line, and (id, template, size) of each cluster."""


def read(file: str, header_fields: int) -> list[str]:
    with lzma.open(DATA / file, "rt", encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        parts = [line.rstrip("\n").split(None, header_fields) for line in lines]
    return [part[-1] if len(part) > header_fields else "" for part in parts]


def wide(width: int, more: int) -> list[str]:
    """`width` lines too different to share a cluster, which Drain sends to one leaf, then lines of those clusters."""
    chance = random.Random(1)

    def word() -> str:
        return "".join(chance.choices("bcdfghklmnprstvw", k=6))

    heads = [["service", "worker", *(word() for _ in range(7))] for _ in range(width)]
    return [" ".join([*head, word(), word(), word()]) for head in [*heads, *chance.choices(heads, k=more)]]


def timed(add: Callable[[str], int], lines: Sequence[str]) -> tuple[float, list[int]]:
    gc.collect()
    began = time.process_time()
    ids = [add(line) for line in lines]
    return time.process_time() - began, ids


def drain3(masks: Sequence[Mask], lines: Sequence[str], warm: int) -> Result:
    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(mask.pattern, mask.name) for mask in masks]
    peer = Drain3Miner(config=config)

    def add(line: str) -> int:  # keeps the id only, so that 200,000 result dicts do not slow the peer's garbage collection
        return peer.add_log_message(line)["cluster_id"]

    _, first = timed(add, lines[:warm])
    seconds, rest = timed(add, lines[warm:])
    found = [(cluster.cluster_id, cluster.get_template(), cluster.size) for cluster in peer.drain.clusters]
    return seconds, first + rest, sorted(found)


def logsentry(masks: Sequence[Mask], lines: Sequence[str], warm: int) -> Result:
    miner = TemplateMiner(TemplateConfig(masks=tuple(masks)))
    _, first = timed(miner.add, lines[:warm])
    seconds, rest = timed(miner.add, lines[warm:])
    return seconds, first + rest, [(template.id, template.text, template.size) for template in miner.templates()]


def ratio(name: str, masks: Sequence[Mask], lines: Sequence[str], warm: int = 0) -> float | None:
    """How many times faster, or None where an answer differs; the first `warm` lines are learned untimed."""
    theirs = [drain3(masks, lines, warm) for _ in range(2)]
    ours = [logsentry(masks, lines, warm) for _ in range(3)]
    if any(result[1:] != theirs[0][1:] for result in ours):
        print(f"{name}: ids, sizes or templates differ from drain3's")
        return None
    peer, own = min(result[0] for result in theirs), min(result[0] for result in ours)
    count = len(lines) - warm
    print(
        f"  {name}: {count:,} lines, {len(theirs[0][2])} clusters; drain3 {count / peer:,.0f}/s, logsentry {count / own:,.0f}/s"
    )
    return peer / own


def main() -> int:
    if not DATA.is_dir():
        print(f"there is no {DATA}; set LOGSENTRY_DATA to the folder of the data sets", file=sys.stderr)
        return 1
    print(f"templates: logsentry beside drain3 {version('drain3')}, Python {sys.version.split()[0]}, one core, CPU time")
    found = {name: ratio(name, DRAIN3_README_MASKS, read(*where)) for name, where in LOGS.items()}
    leaf = ratio("wide leaf", (), wide(1_000, 3_000), warm=1_000)
    logs = [measured for measured in found.values() if measured is not None]
    if len(logs) < len(LOGS) or leaf is None:
        return 1
    for name, measured in zip(found, logs, strict=True):
        told(f"templates {name}", measured, 4)
    told("templates geometric mean", math.prod(logs) ** (1 / len(logs)), 7)
    told("templates, 1,000 clusters in one leaf", leaf, 20)
    return 0


if __name__ == "__main__":
    sys.exit(main())
