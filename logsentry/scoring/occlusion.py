"""Which tokens made a score: take them away, ask again, and see what the score loses.

Occlusion (Zeiler and Fergus, ECCV 2014, section 4.2) is faithful by construction: what is told is what the model itself answers
without the token, not what its attention looked at. All occurrences of a token go at once, since twenty equal calls each carry next to
nothing alone. They become `PAD`, which nobody sees; the other tokens keep their places.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from logsentry.scoring.judge import Finding
from logsentry.text.vocabulary import PAD

PASSES = 48
"""Forward passes that one explanation may take."""

SPANS = 16
"""Spans that a row with more distinct tokens than passes is cut into; tokens of the strongest are then tried one by one."""

MOST = 5
"""Findings kept of one row."""

LEAST_DROP = 0.1
"""A token is told if it carries at least this share of what the strongest token carries."""

Ask = Callable[[np.ndarray], np.ndarray]
"""Rows of ids `[batch, length]` -> logits of malice `[batch]`."""


def occluded(ids: np.ndarray, logit: float, ask: Ask) -> tuple[Finding, ...]:
    """Findings on one row, ids `[length]`, whose logit is known: the tokens that carry most of it, strongest first.

    `position` is the first place of the token, counted from 0; what is said holds by how much the logit falls without it.
    """
    tokens, drops = carried(ids, logit, ask)
    if not len(tokens):
        return ()
    strongest = np.argsort(-drops, kind="stable")[:MOST]
    told = [at for at in strongest if drops[at] > 0 and drops[at] >= LEAST_DROP * drops[strongest[0]]]
    return tuple(_finding(ids, int(tokens[at]), float(drops[at]), logit) for at in told)


def carried(ids: np.ndarray, logit: float, ask: Ask) -> tuple[np.ndarray, np.ndarray]:
    """Distinct tokens that were tried, and by how much the logit falls without each: `[tokens]` both. It may rise: a token may speak
    for the other side."""
    tokens = candidates(ids, logit, ask)
    if not len(tokens):
        return tokens, np.zeros(0)
    return tokens, logit - ask(without(ids, [ids == token for token in tokens]))


def candidates(ids: np.ndarray, logit: float, ask: Ask) -> np.ndarray:
    """Distinct tokens worth a pass each: all of them, or where they are too many those of the spans that carry most."""
    distinct = in_order(ids)
    if len(distinct) <= PASSES:
        return distinct
    edges = np.linspace(0, len(ids), SPANS + 1).astype(int)
    places = np.arange(len(ids))
    spans = [(places >= begin) & (places < end) for begin, end in pairwise(edges.tolist())]
    drops = logit - ask(without(ids, spans))
    strongest = np.argsort(-drops, kind="stable")
    return in_order(np.concatenate([ids[spans[at]] for at in strongest]))[: PASSES - SPANS]


def in_order(ids: np.ndarray) -> np.ndarray:
    """Distinct tokens but `PAD`, in order of their first place."""
    distinct, first = np.unique(ids, return_index=True)
    ordered = distinct[np.argsort(first)]
    real: np.ndarray = ordered[ordered != PAD]
    return real


def without(ids: np.ndarray, hidden: list[np.ndarray]) -> np.ndarray:
    """The row once for each mask `[length]`, with the masked tokens away: `[masks, length]`."""
    rows: np.ndarray = np.where(np.stack(hidden), PAD, ids[None])
    return rows


def _finding(ids: np.ndarray, token: int, drop: float, logit: float) -> Finding:
    places = np.flatnonzero(ids == token)
    often = "" if len(places) == 1 else f", which occurs {len(places):,} times,"
    said = f"carries {drop:.2f} of the score: without it{often} the logit is {logit - drop:.2f} and not {logit:.2f}"
    return Finding(int(places[0]), key=token, said=said)
