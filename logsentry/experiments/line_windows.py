"""From a raw log to a benchmark: cut into windows, split in time, templates learned on what is trained on alone.

The log is read three times and never held: to cut it, to learn templates, and to turn lines into keys. What stays in memory are the
windows of keys, 8 bytes a line, and equal windows once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from logsentry.errors import InputError
from logsentry.experiments.benchmark import Benchmark, Window, benchmark
from logsentry.experiments.cutting import Cut, Span, keyed, spans
from logsentry.experiments.raw_lines import MASKS, Line, RawLog
from logsentry.sdk import Progress
from logsentry.text.templates import TemplateConfig, TemplateMiner
from logsentry.text.vocabulary import BEGIN, END, Vocabulary

WIDEST = 1000
"""Templates in one leaf of the tree: bounds what one odd line costs while it is learned."""


def read(name: str, title: str, log: RawLog, cut: Cut, progress: Progress, caution: str, source: str, citation: str) -> Benchmark:
    """The first half of the windows trains, without its abnormal ones; the second half is the test. Raises `InputError`."""
    cut_as = spans(_told(log, progress, "cutting into windows"), cut)
    half = len(cut_as) // 2
    if half == 0:
        raise InputError(
            f"the data of {name} make {len(cut_as)} windows of {cut}, too few for two halves; give more or cut shorter"
        )
    miner, keys = learned(_training(_told(log, progress, "learning templates"), cut_as[:half]))
    known: dict[Window, Window] = {}
    labelled = keyed(_told(log, progress, "lines to keys"), cut_as, lambda text: keys.encode(miner.match(text)))
    windows = [(known.setdefault(window, window), bad) for window, bad in ((_bounded(w), bad) for w, bad in labelled)]
    return benchmark(
        f"{name} {cut}",
        title=f"{title}, windows of {cut}",
        keys=len(keys),
        texts=tuple(keys.text(key) for key in range(len(keys))),
        train=[window for window, bad in windows[:half] if not bad],
        normal=(window for window, bad in windows[half:] if not bad),
        abnormal=(window for window, bad in windows[half:] if bad),
        caution=caution,
        source=source,
        citation=citation,
    )


def learned(texts: Iterable[str]) -> tuple[TemplateMiner, Vocabulary]:
    """Templates of texts in their order, and a key for each of them. A line that fits none of them later is `UNK`."""
    miner = TemplateMiner(TemplateConfig(masks=MASKS, leaf_width=WIDEST))
    counts = Counter(miner.add(text) for text in texts)
    named = {template.id: template.text for template in miner.templates()}
    return miner, Vocabulary.build(counts, named, min_count=1)


def _bounded(keys: Window) -> Window:
    return (BEGIN, *keys, END)


def _training(lines: Iterable[Line], cut_as: Sequence[Span]) -> Iterator[str]:
    """The texts of the normal windows."""
    flow = iter(lines)
    for span in cut_as:
        window = list(islice(flow, span.lines))
        if not span.abnormal:
            yield from (line.text for line in window)


def _told(lines: Iterable[Line], progress: Progress, doing: str) -> Iterator[Line]:
    for number, line in enumerate(lines):
        if number % 100_000 == 0:
            progress(0, 0, f"{doing}, line {number:,}")
        yield line
