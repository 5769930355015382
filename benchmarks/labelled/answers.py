"""What detectors answer to a question, each with the threshold that held-back benign windows give: the classifiers of the
package through the same path as `logsentry train` and `logsentry score`, and two rivals that read the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from labelled.asked import Asked
from labelled.sets import Question, files_of
from logsentry.baselines.tfidf import TfidfLogistic
from logsentry.pipeline.labelled import LabelledPlan, train_labelled
from logsentry.pipeline.labelled_corpus import Labelled
from logsentry.schema.window import Window
from logsentry.scoring.conformal import threshold
from logsentry.scoring.scorer import Scorer
from logsentry.store.bundles import Store
from logsentry.store.verified import Bundle

TOLD = 8
"""Words that are told of alerts, the commonest."""
EXPLAINED = 30
"""Alerts on malicious windows of which the reasons are asked, evenly drawn: each takes dozens of passes."""


class Answer(msgspec.Struct, frozen=True):
    """`values` of the asked windows, `[windows]`, and which of them alert. `words` are those that reasons for alerts on
    malicious windows name most often, and in what share of them; `own_auc` is what the training measured on what it held back
    itself."""

    detector: str
    seed: int
    values: np.ndarray
    alerts: np.ndarray
    words: str = ""
    own_auc: float = float("nan")


def trained(question: Question, detector: str, asked: Asked, seed: int, store: Path) -> tuple[Answer, Bundle]:
    """One training, and its scores of what is asked."""
    benign, malicious = files_of(question.learn)
    plan = LabelledPlan(
        question.source,
        detector,
        benign,
        malicious,
        options=_known(detector, question.settings),
        profile=asked.profile,
        seed=seed,
        fit_share=question.fit_share,
    )
    bundle = train_labelled(plan, Store(store), "asked", lambda done, total, note: None).bundle
    scorer = Scorer(bundle)
    limit = scorer.calibration.threshold("majority", question.budget * scorer.calibration.windows_per_day).value
    values = scorer.panel.values([scorer.keys.encode(window) for window in asked.windows], "majority")
    alerts = values >= limit
    words = _words(scorer, [asked.windows[at] for at in np.flatnonzero(alerts & (asked.labels == 1))])
    return Answer(detector, seed, values, alerts, words, bundle.manifest.metrics["auc"]), bundle


def _known(detector: str, settings: dict[str, object]) -> dict[str, object]:
    """Settings of the bag mean nothing to an encoder alone."""
    return {name: value for name, value in settings.items() if detector == "encoder-bag" or not name.startswith("bag_")}


def _words(scorer: Scorer, alerts: Sequence[Window]) -> str:
    some = (
        [alerts[at] for at in dict.fromkeys(np.linspace(0, len(alerts) - 1, EXPLAINED).round().astype(int).tolist())]
        if alerts
        else []
    )
    named = [{reason.seen for reason in score.why if reason.seen} for score in scorer.score(some)]
    counts = Counter(word for words in named for word in words)
    return ", ".join(f"`{word}` {count / len(some):.0%}" for word, count in counts.most_common(TOLD))


def tfidf(question: Question, asked: Asked, bundle: Bundle) -> Answer:
    """TF-IDF and logistic regression on the ids of a bundle's vocabulary; its own held-back windows give the threshold."""
    keys = Scorer(bundle).keys
    model = TfidfLogistic()
    rows = [keys.encode(one.window) for one in asked.parted.fit]
    model.fit(rows, [one.label for one in asked.parted.fit], [1.0] * len(rows))
    return _rival(
        "TF-IDF + logistic regression", question, asked, lambda windows: model.logits([keys.encode(one) for one in windows])
    )


def one_field(question: Question, asked: Asked) -> Answer:
    """How often each value of one field came with each label, and nothing else: the log-odds, one added to each count, meant
    over a window."""
    counts: dict[object, list[float]] = {}
    for one in asked.parted.fit:
        for value in _values(one.window, question.telling):
            counts.setdefault(value, [1.0, 1.0])[one.label] += 1
    odds = {value: float(np.log(bad / good)) for value, (good, bad) in counts.items()}
    rest = float(np.log((1 + _sum(asked.parted.fit, 1)) / (1 + _sum(asked.parted.fit, 0))))

    def values(windows: Sequence[Window]) -> np.ndarray:
        return np.array([np.mean([odds.get(v, rest) for v in _values(window, question.telling)]) for window in windows])

    return _rival(f"{question.telling} alone, counted", question, asked, values)


def _values(window: Window, field: str) -> list[object]:
    return list(dict.fromkeys(str(event.fields.get(field, "")).lower() for event in window.events))


def _sum(learned: Sequence[Labelled], label: int) -> int:
    return sum(one.label == label for one in learned)


def _rival(name: str, question: Question, asked: Asked, of: Callable[[Sequence[Window]], np.ndarray]) -> Answer:
    normal = [one.window for one in asked.parted.held_back if not one.label]
    limit = threshold(np.sort(of(normal)), question.budget).value
    values = of(asked.windows)
    return Answer(name, 1, values, values >= limit)
