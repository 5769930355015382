"""An exporter that refuses some entities, and breaks where it is told; for tests in one process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import msgspec

from logsentry.errors import Unavailable
from logsentry.registry import Offer, installed
from logsentry.schema.score import Delivered, Outcome, Rejected, Scored


class PickyConfig(msgspec.Struct, frozen=True):
    name: str = "picky"


class Picky:
    """Keeps scores by id for as long as it is offered."""

    Config: ClassVar[type[msgspec.Struct]] = PickyConfig
    items: ClassVar[dict[str, Scored]] = {}
    refused: ClassVar[set[str]] = set()
    broken: ClassVar[bool] = False
    told: ClassVar[list[bool]] = []

    def __init__(self, config: PickyConfig) -> None:
        self.config = config

    def expect_repeats(self, on: bool) -> None:
        self.told.append(on)

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        ends: list[Outcome] = []
        for item in batch:
            if item.window.key in self.refused:
                ends.append(Rejected("it does not fit", 400, "mapping"))
                continue
            ends.append(Delivered(item.id in self.items))
            self.items[item.id] = item
        if self.broken:
            raise Unavailable("it broke after it had stored them")
        return ends

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def offered() -> Iterator[None]:
    """As the exporter `picky`, which holds and refuses nothing yet."""
    registry = installed()
    offer = Offer("exporters", "picky", Picky, "tests", "tests 1")
    registry._offers[offer.kind, offer.name] = offer
    Picky.items, Picky.refused, Picky.broken, Picky.told = {}, set(), False, []  # type: ignore[misc]
    try:
        yield
    finally:
        del registry._offers[offer.kind, offer.name]
