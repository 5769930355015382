"""Which bundle a name means, and which sources it judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from logsentry.errors import BundleRefused, UsageError
from logsentry.pipeline.finding import find_bundle, served, shipped_folder, source_for
from logsentry.store.bundles import Store


def test_the_store_goes_before_the_package(tmp_path: Path) -> None:
    demo = find_bundle("demo", tmp_path)
    shipped = find_bundle("speakeasy-encoder", tmp_path)
    store = Store(tmp_path)
    with store.incoming() as folder:
        for name, data in demo.files.items():
            (folder / name).write_bytes(data)
        own = store.put(folder, "speakeasy-encoder", lambda _: demo.manifest)
    assert own.digest == demo.digest != shipped.digest
    assert find_bundle("speakeasy-encoder", tmp_path).digest == demo.digest


@pytest.mark.parametrize("name", ["", "..", "no-such", "speakeasy-encoder/card.md", "../demo/bundle"])
def test_other_names_are_not_shipped(name: str, tmp_path: Path) -> None:
    assert shipped_folder(name) is None
    with pytest.raises((UsageError, BundleRefused)):
        find_bundle(name, tmp_path)


def test_the_source_is_the_one_trained_on_unless_another_is_read(tmp_path: Path) -> None:
    bundle = find_bundle("speakeasy-encoder", tmp_path)
    assert served(bundle) == ("speakeasy-tokens", "speakeasy")
    assert source_for(bundle, None) == "speakeasy-tokens"
    assert source_for(bundle, "speakeasy") == "speakeasy"
    with pytest.raises(BundleRefused, match="says nothing about auditd"):
        source_for(bundle, "auditd")
