"""Figures of the status page: quantiles out of buckets, rates out of two looks, and counts that end where the server's own do."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from services.asgi import ask
from services.model_server import NAME, store_in

from logsentry.server.access import Access
from logsentry.server.app import Settings, application
from logsentry.server.figures import SPAN, Figures, Watch
from logsentry.server.latencies import Buckets, counted, quantile, route_figures
from logsentry.server.measures import BUCKETS, Measures
from logsentry.server.models import Models
from logsentry.server.status_page import every
from logsentry.server.wording import ago, count, lasting, rate, size

BODY = {"inputs": [{"name": "ids", "datatype": "INT64", "shape": [2, 3], "data": [3, 5, 4, 3, 6, 4]}]}


def bucketed(seconds: list[float]) -> Buckets:
    histogram = Histogram("x", "x", buckets=BUCKETS, registry=CollectorRegistry())
    for each in seconds:
        histogram.observe(each)
    return {float(s.labels["le"]): s.value for f in histogram.collect() for s in f.samples if s.name.endswith("_bucket")}


@given(st.lists(st.floats(1e-6, 100), min_size=1, max_size=40), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(seconds: list[float], share: float) -> None:
    true = sorted(seconds)[math.ceil(share * len(seconds)) - 1]
    found = quantile(bucketed(seconds), share)
    bounds = [0.0, *BUCKETS]
    low = max((bound for bound in bounds if bound < true), default=0.0)
    high = min((bound for bound in bounds if bound >= true), default=BUCKETS[-1])
    assert found is not None
    assert low <= found <= high + 1e-9


def test_quantiles_by_hand() -> None:
    assert quantile({}, 0.5) is None
    assert quantile(bucketed([]), 0.5) is None
    assert quantile(bucketed([0.015] * 10), 0.5) == pytest.approx(0.015)  # the middle of 0.01 to 0.02
    assert quantile(bucketed([99.0]), 0.99) == BUCKETS[-1]


def test_requests_are_counted_since_the_start_and_timed_since_the_look_before() -> None:
    def look(fast: int, slow: int) -> dict[tuple[str, str], Buckets]:
        return {
            ("/a", "200"): bucketed([0.0015] * fast + [0.4] * slow),
            ("/a", "404"): bucketed([0.0015]),
            ("/b", "500"): bucketed([3]),
        }

    first, second = route_figures(look(10, 0), {}), route_figures(look(10, 5), look(10, 0))
    assert [(route.route, route.requests, route.refused, route.failed) for route in second] == [("/a", 16, 1, 0), ("/b", 1, 0, 1)]
    assert first[0].median is not None
    assert first[0].median < 0.002
    assert second[0].median is not None
    assert 0.2 < second[0].median < 0.5
    assert second[1].median is None, "nothing came since"


def test_a_rate_is_of_the_time_between_two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("logsentry.server.figures.time.monotonic", lambda: clock[0])
    models = Models(tmp_path, Settings(tmp_path).options, Settings(tmp_path).limits)
    measures = Measures(models)
    watch = Watch(models, measures)

    def after(seconds: float, requests: int) -> Figures:
        clock[0] += seconds
        for _ in range(requests):
            measures.seconds.labels("/v1/score/{source}", "200").observe(0.003)
            measures.seconds.labels("/metrics", "200").observe(0.003)
        return watch.figures()

    assert (after(10, 20).requests, watch.figures().up) == (2.0, 10.0)
    assert after(30, 0).requests == pytest.approx(20 / 40)
    assert after(29, 7).requests == pytest.approx(27 / 69), "no look is a minute old yet"
    assert after(1, 0).requests == pytest.approx(7 / 60), "the first look is, and what it counted is left out"
    late = after(SPAN, 0)
    assert late.requests == pytest.approx(0 / SPAN)
    assert late.median is None
    for _ in range(500):
        found = after(0.01, 0)
    assert found.span <= SPAN + 31


def test_what_is_shown_is_what_the_server_did(tmp_path: Path) -> None:
    store_in(tmp_path, 1)
    app = application(Settings(tmp_path), Access({}))

    async def trial() -> Figures:
        async with app.router.lifespan_context(app):
            for path in (f"/v2/models/{NAME}/infer",) * 3 + ("/v2/models/none/infer", "/nothing/here"):
                await ask(app, "POST", path, BODY)
            await app.state.models.unload(NAME)
            await app.state.models.load(NAME)
            await ask(app, "POST", f"/v2/models/{NAME}/infer", BODY)
            shown = await ask(app, "GET", "/")
            return shown.json()  # type: ignore[no-any-return]

    found: dict[str, object] = asyncio.run(trial())  # type: ignore[assignment]
    routes = {row["route"]: row for row in found["routes"]}  # type: ignore[attr-defined]
    assert (routes["/v2/models/{model}/infer"]["requests"], routes["/v2/models/{model}/infer"]["refused"]) == (5, 1)
    assert routes["none"]["refused"] == 1
    (model,) = found["models"]  # type: ignore[misc]
    assert model["tally"]["requests"] == 1, "of the bundle that serves now"
    assert model["tally"]["items"] == 2
    assert float(found["windows"]) >= 0  # type: ignore[arg-type]


def test_buckets_are_read_of_every_label(tmp_path: Path) -> None:
    measures = Measures(Models(tmp_path, Settings(tmp_path).options, Settings(tmp_path).limits))
    measures.seconds.labels("/a", "200").observe(0.5)
    measures.seconds.labels("/a", "500").observe(50)
    found = counted(measures)
    assert {key: buckets[float("inf")] for key, buckets in found.items()} == {("/a", "200"): 1, ("/a", "500"): 1}
    assert found["/a", "500"][30.0] == 0


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (lasting(None), "–"), (lasting(0.0004), "0.4 ms"), (lasting(0.0042), "4.2 ms"), (lasting(0.035), "35 ms"), (lasting(1.24), "1.2 s"),
        (lasting(65), "65 s"), (lasting(700), "12 min"), (lasting(9000), "2.5 h"), (lasting(900_000), "10 days"),
        (ago(90, 100), "10 s ago"), (ago(100, 100), "1 s ago"), (ago(105, 100), "1 s ago"), (ago(0, 7200), "2 h ago"),
        (rate(None), "–"), (rate(0), "0"), (rate(0.04), "< 0.1"), (rate(0.44), "0.4"), (rate(12_345.6), "12,346"), (count(1234), "1,234"),
        (size(0), "0 B"), (size(1023), "1,023 B"), (size(1536), "1.5 KiB"), (size(1 << 30), "1 GiB"), (size(5 << 40), "5,120 GiB"),
        (every(""), 5), (every("0"), 0), (every("12"), 12), (every("99999"), 3600), (every("9" * 30), 5), (every("-1"), 5), (every("²"), 5),
    ],
)  # fmt: skip
def test_numbers_as_a_person_reads_them(shown: object, wanted: object) -> None:
    assert shown == wanted
