"""ECS names: the shipped list is the official one, and nesting loses nothing."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.schema.ecs import field_types, nest, unknown_names, wrong_types

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)
FIELDS = st.dictionaries(NAMES, st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=2), max_size=2), max_size=12)


@pytest.mark.data
def test_the_shipped_list_is_the_official_one(data: Path) -> None:
    text = gzip.decompress((data / "siem" / "reference" / "ecs" / "fields.csv.gz").read_bytes()).decode()
    official = {
        row["Field"]: row["Type"] + ("[]" if row["Normalization"] == "array" else "") for row in csv.DictReader(io.StringIO(text))
    }
    assert dict(field_types()) == official


def flat(document: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return found


@given(FIELDS)
def test_nesting_never_loses_or_changes_a_field(fields: dict[str, Any]) -> None:
    assert flat(nest(fields)) == fields


def test_a_name_that_is_also_a_parent_keeps_the_longer_ones_dots() -> None:
    assert nest({"a": 1, "a.b": 2, "c.d": 3, "c.e.f": 4}) == {"a": 1, "a.b": 2, "c": {"d": 3, "e": {"f": 4}}}


def test_names_outside_ecs_need_a_prefix_of_their_own() -> None:
    names = ["source.ip", "winlog.channel", "sorce.ip"]
    assert unknown_names(names) == ["winlog.channel", "sorce.ip"]
    assert unknown_names(names, ("winlog.",)) == ["sorce.ip"]


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("source.port", 80, True), ("source.port", "80", False), ("source.port", True, False), ("url.path", "/", True),
        ("url.path", 5, False), ("event.category", ["web"], True), ("event.category", [1], False), ("event.risk_score", 5, True),
        ("dns.answers", [{"name": "x"}], True), ("not.ecs", object(), True), ("process.args", [], True),
    ],
)  # fmt: skip
def test_values_have_the_type_that_ecs_gives_them(name: str, value: Any, right: bool) -> None:
    assert (wrong_types({name: value}) == []) is right
