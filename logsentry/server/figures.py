"""What a server is doing, in figures: the content of its status page, and of the same address as JSON.

Rates and latencies are of the last minute, as far as somebody looked then: each look is kept and the next one is compared with it. Nothing
is counted here that `measures` does not count for Prometheus, which remembers for longer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import msgspec

from logsentry import __version__
from logsentry.server.batching import Tally
from logsentry.server.forward.standing import Standing
from logsentry.server.latencies import Counted, RouteFigures, answered, counted, less, quantile, route_figures, together
from logsentry.server.measures import Measures
from logsentry.server.models import Models
from logsentry.server.readiness import Stands, missing
from logsentry.server.recent import readable
from logsentry.server.served import Served
from logsentry.server.syslog.listener import SyslogStanding

SPAN = 60.0
"""Seconds that a rate goes back."""

SCORING = ("/v1/score/{source}", "/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer")


class ModelFigures(msgspec.Struct, frozen=True):
    """`refused` is why a newer bundle of this name does not serve; without a `version` none does. Times are in seconds."""

    name: str
    version: str = ""
    source: str = ""
    detector: str = ""
    provider: str = ""
    degraded: bool = False
    refused: str = ""
    unloaded: bool = False
    waiting: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)

    @property
    def batch(self) -> float | None:
        """Windows in a batch, on average."""
        return self.tally.items / self.tally.batches if self.tally.batches else None

    @property
    def wait(self) -> float | None:
        """Seconds that a request waited, on average."""
        return self.tally.waited / self.tally.requests if self.tally.requests else None

    @property
    def pace(self) -> float | None:
        """Windows judged in a second of judging."""
        return self.tally.items / self.tally.judged if self.tally.judged else None


class Figures(msgspec.Struct, frozen=True):
    """`span` is how many seconds the rates and latencies look back; `slow` is the latency that 99 of 100 requests stay under."""

    version: str
    time: float
    up: float
    span: float
    ready: bool
    waiting: int
    may_wait: int
    requests: float
    windows: float
    median: float | None
    slow: float | None
    models: list[ModelFigures]
    routes: list[RouteFigures]
    forwarders: list[Standing] = []
    syslog: list[SyslogStanding] = []


class Listens(Protocol):
    """What `app.state.syslog` holds."""

    def standing(self) -> SyslogStanding: ...


class _Look(msgspec.Struct, frozen=True):
    at: float
    counted: Counted
    items: int


class Watch:
    """Looks at the server when asked, and remembers earlier looks for the rates."""

    def __init__(self, models: Models, measures: Measures) -> None:
        self._models, self._measures = models, measures
        self._began = time.monotonic()
        self._looks: deque[_Look] = deque([_Look(self._began, {}, 0)])

    def figures(self, forwarders: Sequence[Stands] = (), syslog: Sequence[Listens] = ()) -> Figures:
        models = model_figures(self._models)
        now = _Look(time.monotonic(), counted(self._measures), sum(model.tally.items for model in models))
        before, standings = self._before(now), [each.standing() for each in forwarders]
        span = max(now.at - before.at, 1e-3)
        scored = [less(buckets, before.counted.get(key, {})) for key, buckets in now.counted.items() if key[0] in SCORING]
        return Figures(
            version=__version__,
            time=time.time(),
            up=now.at - self._began,
            span=span,
            ready=not missing(self._models, standings),
            waiting=sum(model.waiting for model in models),
            may_wait=self._models.limits.waiting,
            requests=sum(map(answered, scored)) / span,
            windows=max(0, now.items - before.items) / span,
            median=quantile(together(scored), 0.5),
            slow=quantile(together(scored), 0.99),
            models=models,
            routes=route_figures(now.counted, before.counted),
            forwarders=standings,
            syslog=[each.standing() for each in syslog],
        )

    def _before(self, now: _Look) -> _Look:
        """The newest look that is a minute old, or else the oldest; looks in quick succession are not all kept."""
        while len(self._looks) > 1 and self._looks[1].at <= now.at - SPAN:
            self._looks.popleft()
        if now.at - self._looks[-1].at >= 1.0:
            self._looks.append(now)
        return self._looks[0]


def model_figures(models: Models) -> list[ModelFigures]:
    """One for each name in the store, served or not."""
    return [_of_model(models, name, models.served(name)) for name in sorted({*models.known(), *models.failures})]


def _of_model(models: Models, name: str, served: Served | None) -> ModelFigures:
    refused = readable(models.failures.get(name, ""), models.store)
    if served is None:
        return ModelFigures(name, refused=refused, unloaded=not refused and models.looked)
    manifest, panel = served.bundle.manifest, served.scorer.panel
    providers = served.scorer.options.providers
    return ModelFigures(
        name=name,
        version=served.version,
        source=manifest.source,
        detector=manifest.detector,
        provider=providers[-1] if panel.degraded else providers[0],
        degraded=panel.degraded,
        refused=refused,
        waiting=served.batcher.waiting,
        tally=msgspec.structs.replace(served.batcher.tally),
    )
