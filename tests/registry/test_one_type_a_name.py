"""One field name has one type, over everything that the registered sources make of their golden files and samples.

A store maps a name once: where two sources give it different types, the events of one of them are refused. As in Elasticsearch,
a list counts as the type of its members there; within one source a name is always a list or never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logsentry.pipeline.build import make_files, make_source
from logsentry.registry import Offer, installed
from logsentry.schema.ecs import field_types, unknown_names, wrong_types
from logsentry.sdk import BadRecord, Filtered

GOLDEN = Path(__file__).parents[1] / "golden"
SOURCES = [offer for offer in installed().offers("sources") if offer.distribution.startswith("logsentry ")]
ENDINGS = (".json", ".md")
"""Expected documents and where things are from lie beside the logs. Logs of some sources are JSON too, so those are told by `_is_log`."""

each = pytest.mark.parametrize("offer", SOURCES, ids=lambda offer: offer.name)


def _is_log(path: Path) -> bool:
    if not path.is_file() or path.suffix == ".md" or path.name.startswith("ORIGIN"):
        return False
    others = [
        other for other in path.parent.iterdir() if other != path and other.name.partition(".")[0] == path.name.partition(".")[0]
    ]
    return path.suffix not in ENDINGS or not others


def logs_of(offer: Offer) -> list[Path]:
    folder = GOLDEN / offer.name
    return sorted(path for path in folder.rglob("*") if _is_log(path)) if folder.is_dir() else []


def events_of(offer: Offer) -> Iterator[dict[str, Any]]:
    """The fields of each event, decoded record by record, as a source without its joiner would."""
    for log in logs_of(offer):
        source = make_source(offer.name)
        input_ = make_files([str(log)], source)
        for record in input_.read():
            try:
                decoded = source.decode(record) if record is not None else Filtered("idle")
            except BadRecord:  # golden files hold broken lines on purpose
                continue
            yield from (event.fields for event in ([] if isinstance(decoded, Filtered) else decoded))
        input_.close()


def types_of(value: Any) -> set[str]:
    return {type(member).__name__ for member in (value if isinstance(value, list) else [value])}


@pytest.fixture(scope="module")
def seen() -> dict[str, dict[str, set[str]]]:
    """{field: {source: types of its values}}"""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for offer in SOURCES:
        for fields in events_of(offer):
            for name, value in fields.items():
                found[name][offer.name] |= types_of(value)
    return found


@each
def test_a_source_has_golden_logs(offer: Offer) -> None:
    assert logs_of(offer), f"put logs of {offer.name} below tests/golden/{offer.name}"
    assert next(events_of(offer), None), "none of them gives an event"


def test_one_name_has_one_type_in_every_source(seen: dict[str, dict[str, set[str]]]) -> None:
    assert len(seen) > 30
    mixed = {name: dict(by) for name, by in seen.items() if len(set.union(*by.values())) > 1}
    assert mixed == {}


def test_one_name_is_not_the_beginning_of_another(seen: dict[str, dict[str, set[str]]]) -> None:
    """`a` beside `a.b`: a name that is a value in one event and an object in the next has no mapping."""
    names = {name for name in seen if "/" not in name}
    parents = {name[:at] for name in names for at, letter in enumerate(name) if letter == "."}
    assert names & parents == set()


@each
def test_a_name_is_always_a_list_or_never(offer: Offer) -> None:
    shapes: dict[str, set[bool]] = defaultdict(set)
    for fields in events_of(offer):
        for name, value in fields.items():
            shapes[name].add(isinstance(value, list))
    assert {name for name, shape in shapes.items() if len(shape) > 1} == set()


@each
def test_names_and_types_are_those_of_ecs(offer: Offer) -> None:
    source = make_source(offer.name)
    for fields in events_of(offer):
        assert unknown_names(fields, source.own_prefixes) == []
        assert wrong_types(fields) == []


@each
def test_what_ecs_has_as_an_array_is_one(offer: Offer) -> None:
    for fields in events_of(offer):
        wrong = [
            name for name, value in fields.items() if field_types().get(name, "").endswith("[]") and not isinstance(value, list)
        ]
        assert wrong == []
