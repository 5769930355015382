"""The guards of scoring, on the bundle and the logs that the demo ships: a score never depends on company, table or run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import logsentry
from logsentry.errors import BundleRefused, Unavailable, UsageError
from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.decode import read as decoded
from logsentry.schema.window import Window
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.scorer import Options, Scorer
from logsentry.scoring.session import Session, choose, open_masked, replay
from logsentry.scoring.table import Table
from logsentry.scoring.vote import needed
from logsentry.sdk import Part
from logsentry.stages.windows import assembler
from logsentry.store.verified import Bundle, read

DEMO = Path(logsentry.__file__).parent / "demo"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read(DEMO / "bundle", "demo")


@pytest.fixture(scope="module")
def part(bundle: Bundle) -> Part:
    (only,) = bundle.manifest.parts
    return only


def serve(bundle: Bundle, part: Part, providers: Sequence[str] = ("cpu",)) -> Session:
    return open_masked(part, bundle.files, Hardware(providers), "demo")[0]


@pytest.fixture(scope="module")
def windows(bundle: Bundle) -> list[Window]:
    source = make_source("http-access")
    paths = [str(DEMO / "logs" / name) for name in ("ordinary-2015-05-19.log.gz", "attacks.log.gz")]
    assemble = assembler(Scorer(bundle).keys.profile.windows)
    events = [event for found in decoded(make_files(paths, source), source) if found for event in found.events]
    closed = [c for event in events for c in assemble.feed(event)] + list(assemble.flush())
    return [c.window for c in closed]


def values(scorer: Scorer, windows: Sequence[Window]) -> list[float]:
    return [score.value for score in scorer.score(windows)]


def test_alone_in_any_batch_and_without_the_table_the_score_is_the_same(bundle: Bundle, windows: list[Window]) -> None:
    together = np.array(values(Scorer(bundle), windows))
    alone = Scorer(bundle, Options(table=0))
    assert np.abs(together - [values(alone, [window])[0] for window in windows]).max() <= 1e-5
    shuffled = random.Random(1).sample(range(len(windows)), len(windows))
    small = Scorer(bundle, Options(batch_tokens=300))
    assert np.abs(together[shuffled] - values(small, [windows[at] for at in shuffled])).max() <= 1e-5


def test_two_runs_are_byte_equal(bundle: Bundle, windows: list[Window]) -> None:
    assert repr(Scorer(bundle).score(windows)) == repr(Scorer(bundle).score(windows))


def test_each_distinct_window_is_judged_once(bundle: Bundle, windows: list[Window]) -> None:
    table: Table = Table(10_000)
    scorer = Scorer(bundle, table=table)
    first = values(scorer, windows)
    distinct = len({scorer.keys.encode(window) for window in windows})
    assert table.misses == distinct < len(windows)
    assert values(scorer, windows) == first
    assert table.misses == distinct


def test_early_stopping_gives_the_verdicts_of_the_whole_ensemble(bundle: Bundle, windows: list[Window]) -> None:
    whole, early = (Scorer(bundle, Options(vote=vote)).score(windows) for vote in ("majority", "majority-early"))
    assert [score.alert for score in early] == [score.alert for score in whole]
    assert all(e.value <= w.value + 1e-6 for e, w in zip(early, whole, strict=True))
    assert any("not asked" in score.votes for score in early)


def test_votes_agree_with_the_verdict(bundle: Bundle, part: Part, windows: list[Window]) -> None:
    majority = needed(part.members)
    for score in Scorer(bundle).score(windows):
        assert (int(score.votes.split()[0]) >= majority) == score.alert


def test_every_alert_says_why_with_what_was_expected_instead(bundle: Bundle, windows: list[Window]) -> None:
    alerts = [(window, score) for window, score in zip(windows, Scorer(bundle).score(windows), strict=True) if score.alert]
    assert alerts
    for window, score in alerts:
        assert score.why
        for reason in score.why:
            assert not reason.event or window.events[reason.position].id == reason.event
            assert not reason.event or (reason.seen and reason.expected and reason.rank > 0)


def test_a_stricter_budget_alerts_on_fewer_windows(bundle: Bundle, windows: list[Window]) -> None:
    counts = [sum(s.alert for s in Scorer(bundle, Options(alerts_per_day=budget)).score(windows)) for budget in (1, 10, 100)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_the_probe_holds_and_a_changed_weight_does_not_pass_it(bundle: Bundle, part: Part) -> None:
    session = serve(bundle, part)
    assert replay(session, bundle.files["probe.npz"], "demo") <= 1e-4
    weights = np.frombuffer(bundle.files[session.graph.file], dtype=np.uint8)
    refused = 0
    for place in np.linspace(len(weights) // 4, len(weights) * 3 // 4, 12).astype(int):
        harmed = weights.copy()
        harmed[place : place + 4000] ^= 0x40
        try:
            replay(Session(harmed.tobytes(), session.graph, session.groups), bundle.files["probe.npz"], "demo")
        except BundleRefused:
            refused += 1
    assert refused == 12


@pytest.mark.parametrize("probe", [b"", b"PK\x03\x04", b"\x80\x04}\x94."])
def test_a_bundle_without_a_probe_is_refused(bundle: Bundle, part: Part, probe: bytes) -> None:
    with pytest.raises(BundleRefused, match="probe"):
        replay(serve(bundle, part), probe, "demo")


def test_eight_bits_give_nearly_the_same_verdicts(bundle: Bundle, windows: list[Window]) -> None:
    full, small = (Scorer(bundle, Options(precision=precision)).score(windows) for precision in ("fp32", "int8"))
    assert np.mean([one.alert == other.alert for one, other in zip(full, small, strict=True)]) >= 0.98


def test_what_cannot_be_served_is_told(bundle: Bundle, part: Part) -> None:
    with pytest.raises(Unavailable, match="cuda"):
        serve(bundle, part, ("cuda",))
    with pytest.raises(UsageError, match="no execution provider"):
        serve(bundle, part, ("tpu",))
    with pytest.raises(UsageError, match="no fp16 graph"):
        choose(part.graphs, Hardware(precision="fp16"), "demo")
    assert serve(bundle, part, ("cuda", "cpu")).degraded
