"""The report of a classifier: what each token carries is what the bundle answers without it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from logsentry.errors import UsageError
from logsentry.pipeline.build import make_reader
from logsentry.pipeline.finding import DEMO_BUNDLE
from logsentry.pipeline.labelled import LabelledPlan, train_labelled
from logsentry.pipeline.picturing import Picturing
from logsentry.pipeline.reporting import PICTURED, report
from logsentry.pipeline.run import score_files
from logsentry.scoring.scorer import Scorer
from logsentry.store.bundles import Store
from logsentry.store.verified import Bundle, read

OPTIONS = {
    "width": 16,
    "heads": 2,
    "feed_forward": 32,
    "max_length": 64,
    "chunk": 16,
    "epochs": 0,
    "max_steps": 60,
    "int8": False,
    "fp16": False,
}


def quiet(done: int, total: int, note: str) -> None:
    pass


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, str, list[list[int]]]:
    """A classifier that knows token 9 as malicious, and a store of scores of a few rows."""
    folder, draw = tmp_path_factory.mktemp("scored"), random.Random(5)
    lines = []
    for number in range(260):
        ids = [draw.randrange(3, 9) for _ in range(draw.randrange(5, 40))] + [9] * (2 * (number % 2))
        lines.append({"ids": ids, "y": number % 2})
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    bundle = train_labelled(
        LabelledPlan("speakeasy-tokens", rows=(str(rows),), options=OPTIONS), Store(folder / "s"), "m", quiet
    ).bundle
    few = folder / "few.jsonl"
    few.write_text("".join(json.dumps({"ids": line["ids"]}) + "\n" for line in lines[:8]))
    address = f"duckdb:{folder / 'scores.db'}"
    score_files(f"{folder / 's'}/m", [str(few)], (address,), None, folder / "s", {}, folder / "dead", None, quiet)
    return bundle, address, [line["ids"] for line in lines[:8]]  # type: ignore[misc]


def test_what_a_token_carries_is_what_the_graph_answers_without_it(scored: tuple[Bundle, str, list[list[int]]]) -> None:
    bundle, address, _ = scored
    reader = make_reader(address)
    (first, *_) = reader.scores("value", 1)
    picture = Picturing(bundle, first.detector).of(first.key, first.source, reader.events_of(first.id))
    reader.close()
    assert "token 9" in picture.tokens
    judge = Scorer(bundle).panel.seats[0].judge
    ids = [int(name.split(" ")[1]) for name in picture.tokens]
    for token in set(ids):
        without = judge.malice([[0 if each == token else each for each in ids]])[0]  # type: ignore[attr-defined]
        assert picture.drops[ids.index(token)] == pytest.approx(picture.logit - without)
    assert picture.drops[ids.index(9)] > 0
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in picture.looks)


def test_the_page_shows_the_strongest_windows_tokens(scored: tuple[Bundle, str, list[list[int]]], tmp_path: Path) -> None:
    bundle, address, rows = scored
    content = report(address, tmp_path / "page.html", bundle=bundle)
    assert [window.picture is not None for window in content.top] == [place < PICTURED for place in range(len(rows))]
    page = (tmp_path / "page.html").read_text()
    assert page.count('<section class="tokens">') == PICTURED
    assert 'src="data:image/png;base64,' in page
    assert 'src="data:image/svg+xml;base64,' in page
    plain = report(address, tmp_path / "plain.html")
    assert not any(window.picture for window in plain.top)
    assert '<section class="tokens">' not in (tmp_path / "plain.html").read_text()


def test_another_bundle_is_refused(scored: tuple[Bundle, str, list[list[int]]]) -> None:
    bundle, *_ = scored
    with pytest.raises(UsageError, match="name the one that made them"):
        Picturing(bundle, "m@0123456789ab")
    demo = read(DEMO_BUNDLE, "demo")
    with pytest.raises(UsageError, match="reads log keys"):
        Picturing(demo, demo.reference)
