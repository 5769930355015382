"""From a part of a bundle to the judge that asks it, proved on its probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from logsentry.errors import BundleRefused
from logsentry.scoring.counting import open_known
from logsentry.scoring.counts import open_counts
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.judge import Judge
from logsentry.scoring.masked_keys import MaskedKeys
from logsentry.scoring.next_key import open_next_key
from logsentry.scoring.session import open_masked
from logsentry.scoring.tokens import open_tokens
from logsentry.sdk import Part


class Opened(msgspec.Struct, frozen=True):
    """A judge, and by how much its probe's answers differed from those of training at most (0 where it has no graph)."""

    judge: Judge
    difference: float


def open_part(
    part: Part, files: Mapping[str, bytes], keys: int, settings: Mapping[str, int], hardware: Hardware, where: str
) -> Opened:
    """The judge of a part over `keys` ids, under settings that go before the part's own.

    Raises `BundleRefused` where a file is missing or the graph does not answer its probe as it did in training.
    """
    told = {**part.settings, **settings}
    for file in (*(graph.file for graph in part.graphs), *filter(None, (part.probe, part.file))):
        if file not in files:
            raise BundleRefused(f"{where} lacks {file}, which {part.name} needs")
    if part.asks == "masked-keys":
        session, difference = open_masked(part, files, hardware, where)
        return Opened(MaskedKeys(session, keys, told), difference)
    if part.asks == "next-key":
        return Opened(*open_next_key(part, files, keys, told, hardware, where))
    if part.asks == "counts":
        return Opened(*open_counts(part, files, keys, hardware, where))
    if part.asks == "tokens":
        return Opened(*open_tokens(part, files, keys, told, hardware, where))
    return Opened(open_known(part, files, keys, told, where), 0.0)


def open_parts(
    parts: Sequence[Part],
    files: Mapping[str, bytes],
    keys: int,
    settings: Sequence[Mapping[str, int]],
    hardware: Hardware,
    where: str,
) -> tuple[Opened, ...]:
    """Every part of a bundle; `settings` are those kept with the calibration, one mapping a part."""
    if len(settings) != len(parts):
        raise BundleRefused(f"{where} has {len(parts)} parts, and its calibration speaks of {len(settings)}")
    return tuple(open_part(part, files, keys, told, hardware, where) for part, told in zip(parts, settings, strict=True))
