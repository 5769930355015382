"""The plainest classifier of token rows: TF-IDF of one to three tokens in a row, and logistic regression.

It is no registered detector: it lives in memory, for the experiments, as what every other classifier has to beat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from logsentry.errors import TrainingError


class TfidfLogistic:
    """`longest` is the longest n-gram, `least` the fewest distinct rows that one must be in, `inverse_penalty` scikit-learn's C, at
    scikit-learn's default. Of some dozen variants that were looked at on the staged test rows it is not the best: C = 3 had AUC .919
    and TPR .305 at an FPR of 1e-3, where C = 1 has .916 and .279."""

    def __init__(self, longest: int = 3, least: int = 2, inverse_penalty: float = 1.0, most: int = 200_000) -> None:
        self._grams = TfidfVectorizer(
            analyzer="word",
            token_pattern=r"\S+",
            lowercase=False,
            ngram_range=(1, longest),
            min_df=least,
            max_features=most,
            sublinear_tf=True,
            dtype=np.float32,
        )
        self._model = LogisticRegression(C=inverse_penalty, max_iter=500)

    def fit(self, rows: Sequence[Sequence[int]], labels: Sequence[int], weights: Sequence[float]) -> int:
        """On rows of token ids with a label (0, 1) and a weight each; answers the number of n-grams kept.

        Raises `TrainingError` where the rows have one label only, or no n-gram that two of them share.
        """
        if len(set(labels)) < 2:
            raise TrainingError(f"all {len(rows)} rows have the same label, so nothing can be learned; give both")
        try:
            seen = self._grams.fit_transform(map(_text, rows))
        except ValueError as error:
            raise TrainingError(f"the rows share no n-gram to learn from: {error}") from error
        weight = np.asarray(weights) / np.mean(weights)  # so that C means the same whatever the weights are
        self._model.fit(seen, np.asarray(labels), sample_weight=weight)
        return int(seen.shape[1])

    def logits(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """`[rows]`; above 0 is more likely malicious than not."""
        found: NDArray[np.float64] = self._model.decision_function(self._grams.transform(map(_text, rows)))
        return found


def _text(row: Sequence[int]) -> str:
    return " ".join(map(str, row))
