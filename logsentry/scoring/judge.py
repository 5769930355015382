"""What every kind of detector looks like while it scores: asked about windows, it holds evidence against each of them.

A judge serves one part of a bundle. It knows nothing of calibration: it is `evidence` that puts what judges hold on one scale,
`panel` that votes, and `opening` that knows which judge a part wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec
import numpy as np

from logsentry.scoring.evidence import Rated


class Kind(NamedTuple):
    """A kind of evidence; `least` is the shortest scale on which it grows where normal windows show nothing at all."""

    name: str
    least: float


class Finding(msgspec.Struct, frozen=True):
    """One thing that is strange of a window, in positions and key ids, so that it can be kept for every window with equal ids.

    `position` counts tokens, the begin key being 0; -1 is the window as a whole. `rank` counts the keys that were held likelier, -1
    where nothing was ranked. `said` is what is strange, where it is not that the key was unexpected there; `key` is -1 where
    no key is meant.
    """

    position: int
    rank: int = -1
    key: int = -1
    expected: tuple[int, ...] = ()
    said: str = ""


class Held(Protocol):
    """What the members that were asked hold against a batch of windows of one length."""

    @property
    def evidence(self) -> np.ndarray:
        """`[asked, batch, kinds]`, higher for stranger windows."""
        ...

    def of(self, rows: np.ndarray) -> Held:
        """The same of some windows of the batch: booleans `[batch]`."""
        ...

    def joined(self, more: Held) -> Held:
        """With what further members hold against the same windows."""
        ...

    def findings(self, rated: Rated) -> list[tuple[Finding, ...]]:
        """For each window what made it strange, the strangest first; none where nothing is."""
        ...


@runtime_checkable
class Graded(Protocol):
    """What is held began as logits of malice `[batch]`, learnt from labels: it may be told as a probability."""

    logits: np.ndarray


class Judge(Protocol):
    """One part of a bundle, ready to be asked."""

    @property
    def kinds(self) -> tuple[Kind, ...]: ...

    @property
    def groups(self) -> tuple[int, ...]:
        """Sizes of the vote groups, in the order of the members."""
        ...

    @property
    def degraded(self) -> bool:
        """Whether it runs on another execution provider than the one that was asked for first."""
        ...

    def cost(self, length: int) -> int:
        """Tokens that one window of this length makes it read; batches are cut by it."""
        ...

    def tune(self, normal: Sequence[np.ndarray]) -> dict[str, int]:
        """Settings to be kept with the calibration, from held-back normal windows, batches of ids `[batch, length]`."""
        ...

    def ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Held:
        """Windows of one length, ids `[batch, length]`; `groups` says which vote groups are asked, None is all."""
        ...
