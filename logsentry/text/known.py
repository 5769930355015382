"""What has been seen of ordinary windows: their keys, lengths, count vectors and n-grams.

Learned by the counting baseline, read by its judge. It only keeps and answers what was there; how strange something else is, is for
`logsentry.scoring.counting`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from logsentry.errors import BundleRefused, UsageError
from logsentry.text.counts import distinct
from logsentry.text.ngrams import LARGEST, runs

FORMAT = 1
Window = Sequence[int]


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of `windows` windows over `keys` ids.

    `seen` are the ids of events, ascending, and `containing` in how many windows each was; `lengths` are numbers of events, ascending;
    `vectors` are (id, count) pairs, the commonest vector first; `ngrams` are runs of `n` ids from begin to end key, ascending, and
    `times` how often each was.
    """

    format: int
    keys: int
    windows: int
    n: int
    seen: tuple[int, ...]
    containing: tuple[int, ...]
    lengths: tuple[int, ...]
    vectors: tuple[tuple[tuple[int, int], ...], ...]
    ngrams: tuple[tuple[int, ...], ...]
    times: tuple[int, ...]

    @classmethod
    def learn(cls, windows: Sequence[Window], keys: int, n: int = 2, most_vectors: int = 10_000) -> Known:
        """From windows `[BEGIN, k1..kn, END]`; of the count vectors the `most_vectors` commonest are kept.

        Raises `UsageError` where an id is not among the `keys` ids, and for runs too long to be numbered.
        """
        if keys**n >= LARGEST:
            raise UsageError(f"runs of {n} of {keys:,} keys are too many to be told apart; make n smaller")
        counted = distinct(windows, keys)
        vectors = counted.vectors[:most_vectors].astype(np.int64)
        inside = counted.weights @ (counted.vectors > 0)
        seen = np.flatnonzero(inside)
        ngrams = Counter(run for window in windows for run in runs(window, n))
        ordered = sorted(ngrams)
        return cls(
            format=FORMAT,
            keys=keys,
            windows=len(windows),
            n=n,
            seen=tuple(seen.tolist()),
            containing=tuple(inside[seen].astype(int).tolist()),
            lengths=tuple(np.unique(counted.vectors.sum(axis=1)).astype(int).tolist()),
            vectors=tuple(tuple((int(key), int(vector[key])) for key in np.flatnonzero(vector)) for vector in vectors),
            ngrams=tuple(ordered),
            times=tuple(ngrams[run] for run in ordered),
        )

    def matrix(self) -> np.ndarray:
        """The count vectors `[vectors, keys]`, float32."""
        dense = np.zeros((len(self.vectors), self.keys), np.float32)
        for row, vector in enumerate(self.vectors):
            for key, number in vector:
                dense[row, key] = number
        return dense

    def worth(self) -> np.ndarray:
        """`[keys]`: 1/2 for a key that is in every window, near 1 for one that never was.

        It is the logistic function of the inverse document frequency, log((windows + 1) / (windows with the key + 1)), as
        Lin et al. weigh keys (ICSE-SEIP 2016, section 3.2); one more window keeps keys that never were finite.
        """
        inside = np.zeros(self.keys)
        inside[list(self.seen)] = self.containing
        worth: np.ndarray = (self.windows + 1) / (self.windows + inside + 2)
        return worth

    def to_bytes(self) -> bytes:
        """JSON, always the same bytes for the same content."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Known:
        """Raises `BundleRefused` for another format, damage, and ids out of range; `where` names the file."""
        try:
            version = msgspec.json.decode(data, type=dict).get("format")
            if version != FORMAT:
                raise BundleRefused(f"{where} has format {version!r}, and only {FORMAT} is known; train again")
            known = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:  # a ValidationError is a DecodeError
            raise BundleRefused(f"{where} cannot be read: {error}; get the bundle again") from error
        known._check(where)
        return known

    def _check(self, where: str) -> None:
        ids = [*self.seen, *(key for vector in self.vectors for key, _ in vector), *(key for run in self.ngrams for key in run)]
        fits = (
            len(self.seen) == len(self.containing)
            and len(self.ngrams) == len(self.times)
            and all(len(run) == self.n for run in self.ngrams)
            and all(count > 0 for vector in self.vectors for _, count in vector)
            and all(0 <= key < self.keys for key in ids)
            and self.keys**self.n < LARGEST
            and list(self.ngrams) == sorted(set(self.ngrams))
        )
        if not (fits and self.windows > 0 and self.n > 0 and self.lengths and self.vectors):
            raise BundleRefused(f"{where} contradicts itself: it is damaged or was edited; get the bundle again")
