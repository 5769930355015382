"""The judge of DeepLog and LogAnomaly: asks how likely each key of a window is after the keys before it.

Four kinds of evidence: the mean surprise of a window's keys, their total surprise, the largest rank of any key (the rule of Du et al.,
CCS 2017, section 3.1, is that it reaches g), and the share of keys outside the g likeliest. Windows share most of their contexts,
so each distinct one is asked once and its answer kept for the windows to come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from logsentry.scoring.evidence import Rated, choose_top_g, unseen_last
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.judge import Finding, Held, Judge, Kind
from logsentry.scoring.masked_keys import and_whole, outweighing, unexpected_keys
from logsentry.scoring.next_key_session import NextKeySession, Said, replay_next_key
from logsentry.scoring.session import choose
from logsentry.sdk import Part
from logsentry.text.contexts import contexts, distinct
from logsentry.text.vocabulary import UNK

__all__ = ["NextKey", "NextKeySession", "replay_next_key"]

KINDS = (Kind("surprise", 0.05), Kind("total surprise", 1.0), Kind("rank", 1.0), Kind("share", 0.05))
SURPRISES = 2  # the kinds before this place are surprises

BOUND = 1 << 17
"""Distinct contexts whose answers are kept, some 250 bytes each; all of HDFS has 49,951 with the key that followed."""


class Answers(msgspec.Struct, frozen=True):
    """Of one batch: ids `[batch, length]`, ranks and surprise `[asked, batch, length]`, expected `[batch, length, 3]`.

    Position 0 is the begin key, which is never guessed and holds zeros.
    """

    ids: np.ndarray
    ranks: np.ndarray
    surprise: np.ndarray
    expected: np.ndarray
    top_g: int

    @property
    def evidence(self) -> np.ndarray:
        ranks, surprise = self.ranks[:, :, 1:], self.surprise[:, :, 1:].astype(np.float64)
        kinds = [surprise.mean(axis=2), surprise.sum(axis=2), ranks.max(axis=2), (ranks >= self.top_g).mean(axis=2)]
        return np.stack(kinds, axis=2)

    def of(self, rows: np.ndarray) -> Answers:
        return Answers(self.ids[rows], self.ranks[:, rows], self.surprise[:, rows], self.expected[rows], self.top_g)

    def joined(self, more: Held) -> Answers:
        assert isinstance(more, Answers)  # from the same judge
        ranks, surprise = np.concatenate([self.ranks, more.ranks]), np.concatenate([self.surprise, more.surprise])
        return Answers(self.ids, ranks, surprise, self.expected, self.top_g)

    def findings(self, rated: Rated) -> list[tuple[Finding, ...]]:
        """The positions whose rank is outside the top-g, strangest first, and the surprise of all where it says more than they do."""
        surprise, ranks = rated.kinds[:, :, :SURPRISES].max(axis=2), rated.kinds[:, :, SURPRISES:].max(axis=2)
        of_keys = unexpected_keys(self.ids, self.ranks, self.expected, self.top_g)
        return and_whole(of_keys, outweighing(surprise, ranks), "is less likely as a whole than ", rated.held_back)


class NextKey:
    """Asks one session; `settings` hold the `history`, of how many `predictions` the model learnt, and the `top_g` that `tune` chose.

    No key is more surprising than ln(1 + predictions) nats. What never came in n predictions may have a probability of about 1 / n at
    most, and how far below that a model puts it is extrapolation. An unknown event, of which a model says nothing, has just
    this surprise and stands behind all known keys.
    """

    kinds = KINDS
    groups = (1,)

    def __init__(self, session: NextKeySession, keys: int, settings: Mapping[str, int]) -> None:
        self.session, self._keys = session, keys
        self._history, self._top_g = settings["history"], settings.get("top_g", 1)
        self._predictions = settings["predictions"]
        self._most = np.float32(np.log1p(self._predictions))
        self._earlier = Earlier(BOUND)

    @property
    def degraded(self) -> bool:
        return self.session.degraded

    def cost(self, length: int) -> int:
        return length

    def tune(self, normal: Sequence[np.ndarray]) -> dict[str, int]:
        """Top-g is the least that holds 95 % of the known keys of normal windows."""
        chosen = choose_top_g(normal, [self.ask(ids).ranks for ids in normal])
        return {"history": self._history, "predictions": self._predictions, "top_g": chosen}

    def ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Answers:
        """One member, so `groups` can only say whether it is asked at all."""
        rows, inverse, _ = distinct(contexts(ids, self._history))
        said = self._earlier.said(rows, self.session)
        surprise = np.minimum(np.where(rows[:, -1] == UNK, self._most, said.surprise), self._most)
        asked = slice(None) if groups is None or groups[0] else slice(0)
        ranks = unseen_last(ids, in_place(said.rank[inverse], ids)[None], self._keys)
        return Answers(
            ids,
            ranks[asked],
            in_place(surprise[inverse], ids)[None][asked],
            in_place(said.expected[inverse], ids),
            self._top_g,
        )


def in_place(values: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Values of predictions `[batch * (length - 1), ...]` at their positions `[batch, length, ...]`; position 0 has zeros."""
    batch, length = ids.shape
    placed = np.zeros((batch, length, *values.shape[1:]), values.dtype)
    placed[:, 1:] = values.reshape(batch, length - 1, *values.shape[1:])
    return placed


class Earlier:
    """Answers that a session gave, by context and true key; it starts anew when it is full."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._places: dict[bytes, int] = {}
        self._said = Said(np.empty(bound, np.int32), np.empty(bound, np.float32), np.empty((bound, 3), np.int64))

    def said(self, rows: np.ndarray, session: NextKeySession) -> Said:
        """Distinct rows `[rows, history + 1]`, the true key last; the session is asked about those not met before."""
        names = np.ascontiguousarray(rows, np.int32).view(f"V{4 * rows.shape[1]}").ravel().tolist()
        if len(rows) > self._bound:
            return session.run(rows)
        places = np.fromiter((self._places.get(name, -1) for name in names), np.intp, len(names))
        if len(self._places) + int((places < 0).sum()) > self._bound:
            self._places.clear()
            places[:] = -1
        new = np.flatnonzero(places < 0)
        places[new] = np.arange(len(self._places), len(self._places) + len(new))
        for kept, answer in zip(self._said, session.run(rows[new]), strict=True):
            kept[places[new]] = answer
        self._places.update((names[row], int(places[row])) for row in new)
        return Said(*(kept[places] for kept in self._said))


def open_next_key(
    part: Part,
    files: Mapping[str, bytes],
    keys: int,
    settings: Mapping[str, int],
    hardware: Hardware,
    where: str,
) -> tuple[NextKey, float]:
    """The judge of a part after its graph has answered the probe as torch did, and the largest difference of a surprise."""
    graph = choose(part.graphs, hardware, where)
    session = NextKeySession(files[graph.file], graph, hardware)
    return NextKey(session, keys, settings), replay_next_key(session, files[part.probe], where)


_: type[Judge] = NextKey
