from __future__ import annotations

from typing import Any

import pytest

from logsentry.errors import BundleRefused
from logsentry.text import snapshots
from logsentry.text.templates import TemplateConfig, TemplateMiner


@pytest.fixture
def snapshot() -> dict[str, Any]:
    miner = TemplateMiner(TemplateConfig())
    for line in ["a b c", "a b d", "x 1 y", ""]:
        miner.add(line)
    return miner.snapshot()


def test_the_bytes_are_always_the_same(snapshot: dict[str, Any]) -> None:
    data = snapshots.to_bytes(snapshot)
    assert snapshots.from_bytes(data) == snapshot
    assert snapshots.to_bytes(dict(reversed(snapshot.items()))) == data
    assert TemplateMiner.from_bytes(data).to_bytes() == data


def test_an_edited_snapshot_is_refused(snapshot: dict[str, Any]) -> None:
    snapshot["tree"]["made"] += 1
    with pytest.raises(BundleRefused, match="does not fit its digest"):
        TemplateMiner.from_snapshot(snapshot)


def test_another_format_is_refused(snapshot: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused, match="has format 2"):
        TemplateMiner.from_snapshot({**snapshot, "format": 2})


@pytest.mark.parametrize("changed", [{"tree": {}}, {"config": {"depth": "four"}}, {"config": None}, {"tree": [1]}])
def test_a_sealed_snapshot_of_another_shape_is_refused(snapshot: dict[str, Any], changed: dict[str, Any]) -> None:
    content = {**snapshots.unseal(snapshot), **changed}
    with pytest.raises(BundleRefused, match="not what this version writes"):
        TemplateMiner.from_snapshot(snapshots.seal(content))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"3"])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused, match="no JSON"):
        TemplateMiner.from_bytes(data)


def test_every_cut_off_file_is_refused(snapshot: dict[str, Any]) -> None:
    data = snapshots.to_bytes(snapshot)
    for length in range(0, len(data), 7):
        with pytest.raises(BundleRefused):
            TemplateMiner.from_bytes(data[:length])
