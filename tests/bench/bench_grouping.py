"""Grouping accuracy on the 16 loghub samples: our Drain beside drain3, Spell, and the published figures; then Spell's speed beside Drain's.

Settings, masks and published figures are in `loghub_2k.yaml`, with their source. drain3 runs beside `TemplateMiner` and has to give
the same id for each line. "by text" is the published Drain's own way with short lines: it never files a line of fewer than
`depth` - 2 words in its tree, so each becomes a group of its own and only equal templates are counted as one; drain3 files them.
Of Spell, "paper" has no bound on what a template loses (`keep` 0); both have the published delimiters `=`, `:` and `,`.
Groups are those that lines were given as they came, as in the published figures. Times are CPU time, the best of three, each from
an empty miner; with masks Drain is ahead, since it remembers whole lines and Spell only shapes of lines.

    LOGSENTRY_DATA=… python tests/bench/bench_grouping.py
"""

from __future__ import annotations

import csv
import gc
import io
import lzma
import os
import re
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml
from drain3.drain import Drain
from ratios import told

from logsentry.text.grouping import grouping_accuracy
from logsentry.text.masks import DRAIN3_README_MASKS, Mask
from logsentry.text.spell import SpellConfig, SpellMiner
from logsentry.text.templates import TemplateConfig, TemplateMiner

SETTINGS = Path(__file__).with_name("loghub_2k.yaml")
DATA = Path(os.environ.get("LOGSENTRY_DATA") or Path(__file__).parents[3] / "shared" / "data") / "loganomaly"
PUBLISHED_SPELL = ("=", ":", ",")
COLUMNS = ("published", "drain3", "Drain", "by text", "published", "Spell, paper", "Spell")


class Sample(NamedTuple):
    """2,000 lines of one system without their headers, the group of each by hand, and the text that the hand-made table has."""

    name: str
    settings: dict[str, Any]
    lines: list[str]
    groups: list[str]
    tabled: list[str]

    def masks(self, name: str) -> tuple[Mask, ...]:
        return tuple(Mask(pattern, name) for pattern in self.settings["masks"])


def samples(data: Path = DATA) -> Iterator[Sample]:
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    with tarfile.open(data / "loghub_2k.tar.xz") as archive:
        texts = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        files = {name: io.TextIOWrapper(raw, "utf-8", newline="\n").read() for name, raw in texts.items() if raw is not None}
    for name, setting in settings.items():
        header = header_pattern(setting["header"])
        found = [header.fullmatch(line.strip()) for line in files[f"{name}/{name}_2k.log"].split("\n") if line.strip()]
        table = list(csv.DictReader(io.StringIO(files[f"{name}/{name}_2k.log_structured.csv"], newline="")))
        lines = [match["Content"] for match in found if match is not None]
        yield Sample(name, setting, lines, [row["EventId"] for row in table], [row["Content"] for row in table])


def header_pattern(header: str) -> re.Pattern[str]:
    """`<Field>` takes as little as it can; a blank of the header stands for one or more."""
    fields = re.sub(r"<(\w+)>", r"(?P<\1>.*?)", header)
    return re.compile(fields.replace(" ", r"\s+"))


def drain_config(sample: Sample) -> TemplateConfig:
    drain = sample.settings["drain"]
    return TemplateConfig(masks=sample.masks("*"), depth=drain["depth"], sim_th=drain["similarity"])


def drain3_groups(sample: Sample) -> list[int]:
    """drain3's own tree after plain substitutions."""
    drain = Drain(depth=sample.settings["drain"]["depth"], sim_th=sample.settings["drain"]["similarity"])
    groups = []
    for line in sample.lines:
        for pattern in sample.settings["masks"]:
            line = re.sub(pattern, "<*>", line)
        groups.append(drain.add_log_message(line)[0].cluster_id)
    return groups


def drain_groups(sample: Sample) -> list[int]:
    miner = TemplateMiner(drain_config(sample))
    return [miner.add(line) for line in sample.lines]


def by_text_groups(sample: Sample) -> list[int]:
    """As Drain's authors file lines that are shorter than the path to a leaf: with equal ones only."""
    miner = TemplateMiner(msgspec.structs.replace(drain_config(sample), short_by_text=True))
    return [miner.add(line) for line in sample.lines]


def spell_groups(sample: Sample, keep: float) -> list[int]:
    """A masked word counts as a word, as in the published Spell; so the mask has a name other than that of a gap."""
    config = SpellConfig(masks=sample.masks("MASK"), tau=sample.settings["spell"]["tau"], keep=keep, delimiters=PUBLISHED_SPELL)
    miner = SpellMiner(config)
    return [miner.add(line) for line in sample.lines]


def accuracies(sample: Sample) -> tuple[float, ...]:
    published = sample.settings["published"]

    def of(groups: Sequence[int]) -> float:
        return grouping_accuracy(groups, sample.groups)

    drain = (of(drain3_groups(sample)), of(drain_groups(sample)), of(by_text_groups(sample)))
    return (published["drain"], *drain, published["spell"], of(spell_groups(sample, 0.0)), of(spell_groups(sample, 0.5)))


def table(rows: dict[str, tuple[float, ...]]) -> Iterator[str]:
    yield f"| system | {' | '.join(COLUMNS)} |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    for name, row in rows.items():
        yield f"| {name} | {' | '.join(f'{value:.4f}' for value in row)} |"


def hdfs() -> list[str]:
    with lzma.open(DATA / "hdfs_raw_2pct" / "HDFS_2pct.log.xz", "rt", encoding="utf-8", newline="\n") as lines:
        parts = [line.rstrip("\n").split(None, 5) for line in lines]
    return [part[-1] if len(part) > 5 else "" for part in parts]


def best(make: Callable[[], TemplateMiner | SpellMiner], lines: Sequence[str]) -> float:
    """Lines a second that one miner learns."""
    times = []
    for _ in range(3):
        miner = make()
        gc.collect()
        began = time.process_time()
        for line in lines:
            miner.add(line)
        times.append(time.process_time() - began)
    return len(lines) / min(times)


def speed(masks: tuple[Mask, ...], lines: Sequence[str]) -> float:
    drain = best(lambda: TemplateMiner(TemplateConfig(masks=masks)), lines)
    spell = best(lambda: SpellMiner(SpellConfig(masks=masks)), lines)
    print(f"  HDFS, {len(masks)} masks: {len(lines):,} lines; Drain {drain:,.0f}/s, Spell {spell:,.0f}/s")
    return spell / drain


def main() -> int:
    if not DATA.is_dir():
        print(f"there is no {DATA}; set LOGSENTRY_DATA to the folder of the data sets", file=sys.stderr)
        return 1
    print(f"grouping accuracy, drain3 {version('drain3')}, Python {sys.version.split()[0]}")
    every = list(samples())
    different = [sample.name for sample in every if drain_groups(sample) != drain3_groups(sample)]
    if different:
        print(f"our Drain groups otherwise than drain3: {', '.join(different)}")
        return 1
    rows = {sample.name: accuracies(sample) for sample in every}
    mean = tuple(sum(column) / len(rows) for column in zip(*rows.values(), strict=True))
    print("\n".join(table({**rows, "mean": mean})))
    near = [name for name, row in rows.items() if abs(row[2] - row[0]) <= 0.005]
    by_text = [name for name, row in rows.items() if abs(row[3] - row[0]) <= 0.005]
    told("grouping accuracy of Drain beside drain3", mean[2] / mean[1], 1)
    told(f"systems within .005 of the published Drain, without {', '.join(set(rows) - set(near))}", len(near) / len(rows), 1)
    told("the same with short lines by their text", len(by_text) / len(rows), 1)
    told("grouping accuracy of Spell (paper) beside the published Spell", mean[5] / mean[4], 1)
    told("grouping accuracy of Spell beside the published Spell", mean[6] / mean[4], 1)
    lines = hdfs()
    told("lines a second of Spell beside Drain, no masks", speed((), lines), 1)
    told("lines a second of Spell beside Drain, seven masks", speed(DRAIN3_README_MASKS, lines), 0.25)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
