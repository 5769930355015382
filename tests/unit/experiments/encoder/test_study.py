"""The study from files to pages, with fits that are real but small: the baseline, and n-grams of other lengths in the encoder's place."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

from logsentry.errors import ContractBroken, InputError, UsageError
from logsentry.experiments.encoder import fitting
from logsentry.experiments.encoder.asking import BASELINE, Answer, Asked, Fit, Method, View
from logsentry.experiments.encoder.grid import SECONDS, Budget, Factor, methods_of
from logsentry.experiments.encoder.kept import KeptFits, checked
from logsentry.experiments.encoder.reports_data import Corpus
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

NAMES = {
    "learning-rate": "learning_rate",
    "schedulers": "schedulers",
    "accumulation": "accumulation",
    "clipping": "clipping",
    "norm": "norm",
    "length-vocabulary": "length_vocabulary",
    "tokenizer": "tokenizer",
    "filters": "filters",
    "drift": "drift",
    "folds": "cross_validation",
}


def quiet(done: int, total: int, note: str) -> None:
    pass


def plainer(asked: Asked, progress: Progress) -> Answer:
    """Where an encoder is asked for: single tokens with a logistic regression, and a loss that falls."""
    if asked.method.detector == BASELINE.detector:
        return fitting.fit(asked, progress)
    standing = asked._replace(method=msgspec.structs.replace(BASELINE, options={"longest": 1}, view=asked.method.view))
    answer = fitting.fit(standing, progress)
    answer.losses = [1 / (step + 1) for step in range(5)]
    return answer


class Counted:
    """Counts the fits; `fails_at` is the one that is killed."""

    def __init__(self, fails_at: int = 0) -> None:
        self._fails_at, self.ran = fails_at, 0

    def __call__(self, asked: Asked, progress: Progress) -> Answer:
        self.ran += 1
        if self.ran == self._fails_at:
            raise KeyboardInterrupt
        return plainer(asked, progress)


def run(name: str, plan: Plan, fit: Fit = plainer) -> str:
    found: Callable[..., str] = import_module(f"logsentry.experiments.encoder.{NAMES[name]}").run
    return found(plan, None, quiet, fit)


@pytest.mark.parametrize("name", ["folds", "drift", "length-vocabulary", "filters"])
def test_from_files_to_page(name: str, token_folder: Path, tmp_path: Path) -> None:
    plan = Plan(tmp_path, data=token_folder)
    page = run(name, plan)
    folder = tmp_path / "encoder" / name
    assert (folder / "README.md").read_text() == page
    assert BASELINE.name in page
    assert "300 seconds of training" in page
    assert "came with both labels" in page
    with (folder / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["set"] for row in rows} == {"test", "test, new inputs", "validation"}
    assert all(float(row["low"]) <= float(row["high"]) for row in rows)
    assert {row["fits"] for row in rows} == {"3"}
    for figure in {"folds": ["roc.png", "loss.png"], "length-vocabulary": ["heatmap.png", "heatmap-baseline.png"]}.get(name, []):
        assert (folder / figure).stat().st_size > 5_000
        assert f"]({figure})" in page


def test_drift_says_what_a_promised_rate_became(token_folder: Path, tmp_path: Path) -> None:
    page = run("drift", Plan(tmp_path, data=token_folder))
    assert "| label trojan |" in page
    assert "| block 4 of 4 |" in page
    with (tmp_path / "encoder" / "drift" / "thresholds.csv").open() as file:
        rows = list(csv.DictReader(file))
    whole = [row for row in rows if row["part"] == "all rows" and row["promised"] == "0.01"]
    assert len(whole) == 4
    assert all(0 <= float(row["false_alarms"]) <= float(row["found"]) <= 1 for row in whole)


def test_a_run_that_was_killed_goes_on_where_it_was(token_folder: Path, tmp_path: Path) -> None:
    plan = Plan(tmp_path, data=token_folder)
    with pytest.raises(KeyboardInterrupt):
        run("drift", plan, Counted(fails_at=5))
    again = Counted()
    run("drift", plan, again)
    assert again.ran == 8
    cached = Counted()
    run("drift", plan, cached)
    assert cached.ran == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_is_quick_when_asked(name: str) -> None:
    module = import_module(f"logsentry.experiments.encoder.{NAMES[name]}")
    factor: Factor = module.FACTOR
    assert factor.name == name
    quick = Budget.of(factor, Plan(Path("r"), quick=True))
    assert 0 < quick.seconds * quick.folds * len(factor.levels) <= 600
    assert Budget.of(factor, Plan(Path("r"), seeds=2)) == (SECONDS, 3, (1, 2), False)
    names = [method.name for method in methods_of(factor, Plan(Path("r")))]
    assert len(names) == len(set(names))
    claimed = {name for claim in factor.claims for name in (claim.first, claim.second)}
    assert claimed <= set(names)


def test_only_the_detectors_asked_for(corpus: Corpus) -> None:
    factor = Factor("f", "?", (Method("a"),))
    assert methods_of(factor, Plan(Path("r"), detectors=("tfidf",))) == [BASELINE]
    with pytest.raises(UsageError, match="no detector 'pca'"):
        methods_of(factor, Plan(Path("r"), detectors=("pca",)))


def test_what_is_asked_names_the_answer(corpus: Corpus) -> None:
    one = Asked(Method("a"), corpus, 0, 3, 1, 300.0)
    assert one.digest == one._replace(method=Method("other name", note="other")).digest
    others = [
        one._replace(seed=2),
        one._replace(fold=1),
        one._replace(seconds=60.0),
        one._replace(method=Method("a", options={"clip": 0.5})),
        one._replace(method=Method("a", view=View(length=64))),
        one._replace(method=BASELINE),
    ]
    assert len({one.digest, *(each.digest for each in others)}) == 7
    assert Asked(BASELINE, corpus, 0, 3, 1, 300.0).digest == Asked(BASELINE, corpus, 0, 3, 2, 60.0).digest


def test_answers_that_make_no_table_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    asked = Asked(BASELINE, corpus, 0, 3, 1, 0)
    good = fitting.fit(asked, quiet)
    assert checked(good, asked) is good
    with pytest.raises(ContractBroken, match="did not rate every"):
        checked(msgspec.structs.replace(good, test=[1.0]), asked)
    with pytest.raises(ContractBroken, match="no finite"):
        list(
            KeptFits(tmp_path, lambda *_: msgspec.structs.replace(good, test=[float("nan")] * len(good.test))).run([asked], quiet)
        )
    assert list(tmp_path.iterdir()) == []


def test_a_detector_that_learns_no_labels_is_told(corpus: Corpus) -> None:
    with pytest.raises(UsageError, match="pca"):
        fitting.fit(Asked(Method("a", "pca"), corpus, 0, 3, 1, 1.0), quiet)


@pytest.mark.data
def test_the_staged_rows_are_those_that_were_described(data: Path) -> None:
    from logsentry.experiments.encoder.reports_data import read

    if not (data / "speakeasy" / "tokens").is_dir():
        pytest.skip(f"there is no speakeasy/tokens below {data}")
    try:
        corpus = read(data / "speakeasy" / "tokens")
    except InputError as error:
        pytest.fail(str(error))
    assert (len(corpus.train.y), corpus.train.left_out) == (76_126, 14_970)
    assert len(corpus.train.ids) == 7_140
    assert len(corpus.test.y) == 8_563
    assert corpus.train.both.sum() == 124
