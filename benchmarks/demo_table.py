"""The demo's ensemble beside simple counting, at the same alert budget: `python benchmarks/demo_table.py`.

Every threshold comes from the same held-back normal windows of 17 and 18 May 2015 (split conformal), none from the day that is scored
or from the attack lines. Both of those are small and from one place each: the table shows that the path works, it ranks nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

import logsentry
from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.decode import read as decoded
from logsentry.scoring.conformal import share_of, threshold
from logsentry.scoring.panel import by_length
from logsentry.scoring.scorer import Scorer
from logsentry.scoring.vote import combine
from logsentry.stages.windows import assembler
from logsentry.store.verified import read
from logsentry.text.vocabulary import UNK

DEMO = Path(logsentry.__file__).parent / "demo"
Ids = tuple[int, ...]


def windows(scorer: Scorer, *names: str) -> list[Ids]:
    """Key ids of every window of some demo logs, in order of time."""
    source = make_source("http-access")
    assemble = assembler(scorer.keys.profile.windows)
    found = [d for d in decoded(make_files([str(DEMO / "logs" / f"{name}.log.gz") for name in names], source), source) if d]
    closed = [c for d in found for event in d.events for c in assemble.feed(event)] + list(assemble.flush())
    return [scorer.keys.encode(window) for window in sorted((c.window for c in closed), key=lambda window: window.time or 0)]


def member_scores(scorer: Scorer, ids: Sequence[Ids]) -> np.ndarray:
    """`[members, windows]`, in the order given."""
    found: dict[Ids, np.ndarray] = {}
    (seat,) = scorer.panel.seats
    for _, same in by_length(list(dict.fromkeys(ids))):
        found.update(zip(same, seat.scores(seat.judge.ask(np.array(same))).T, strict=True))
    return np.stack([found[one] for one in ids], axis=1)


def main() -> int:
    scorer = Scorer(read(DEMO / "bundle", "demo"))
    normal = windows(scorer, "ordinary-2015-05-17", "ordinary-2015-05-18")
    fitted = normal[: int(len(normal) * 0.7)]
    held_back = normal[int(len(normal) * 0.7) :]
    ordinary, attacks = windows(scorer, "ordinary-2015-05-19"), windows(scorer, "attacks")
    pairs = {pair for ids in fitted for pair in pairwise(ids)}
    members = scorer.panel.seats[0].members

    def counted(of: Callable[[Ids], float]) -> Callable[[Sequence[Ids]], np.ndarray]:
        return lambda ids: np.array([of(one) for one in ids])

    rows: dict[str, Callable[[Sequence[Ids]], np.ndarray]] = {
        f"LogBERT ensemble, majority of {members}": lambda ids: combine(member_scores(scorer, ids), "majority", members),
        f"LogBERT ensemble, mean of {members}": lambda ids: combine(member_scores(scorer, ids), "mean", members),
        "one of its members": lambda ids: member_scores(scorer, ids)[0],
        "counting: events never seen": counted(lambda ids: ids.count(UNK)),
        "counting: share of events never seen": counted(lambda ids: ids.count(UNK) / len(ids)),
        "counting: pairs of events never seen": counted(lambda ids: sum(p not in pairs for p in pairwise(ids))),
        "counting: length": counted(len),
    }
    share = share_of(scorer.calibration.alerts_per_day, scorer.calibration.windows_per_day)
    held = f"at most {share:.1%} of {len(held_back)} held-back windows"
    print(f"| detector, {held} | {len(ordinary)} ordinary windows | {len(attacks)} attack windows |")
    print("|---|---|---|")
    for name, of in rows.items():
        limit = threshold(np.sort(of(held_back)), share).value
        print(f"| {name} | {np.sum(of(ordinary) >= limit)} alert | {np.sum(of(attacks) >= limit)} alert |")
    any_unseen = [sum(UNK in ids for ids in group) for group in (ordinary, attacks)]
    print(f"| counting: any event never seen (no budget) | {any_unseen[0]} alert | {any_unseen[1]} alert |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
