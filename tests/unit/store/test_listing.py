"""The table of the store: what each name points to, what it pointed to before, and how a command reaches it again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from logsentry.cli import main
from logsentry.sdk import Graph, Part
from logsentry.store import listing
from logsentry.store.bundles import Store
from logsentry.store.manifest import SCHEMA_VERSION, FileEntry, Manifest, TrainingData

OPSET_23 = b"\x42\x02\x10\x17"  # ModelProto: opset_import { version: 23 }


def put(store: Store, name: str, seed: int, source: str = "http-access") -> str:
    def described(files: dict[str, FileEntry]) -> Manifest:
        return Manifest(
            schema_version=SCHEMA_VERSION, detector="counting", source=source, logsentry="0", opset=23, keys=9, max_length=66,
            parts=(Part("counting", "masked-keys", (Graph("model.onnx"),)),), seed=seed, data=TrainingData("", 1, 1, "", ""),
            files=files, metrics={}, detector_config={},
        )  # fmt: skip

    with store.incoming() as folder:
        (folder / "model.onnx").write_bytes(OPSET_23)
        return store.put(folder, name, described).digest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def models(store: Store, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main.root, ["models", *arguments, "--store", str(store.root)])
    return done.exit_code, done.output


def test_after_a_rollback_the_table_shows_what_can_be_promoted(store: Store) -> None:
    first, second = put(store, "web", 1), put(store, "web", 2)
    assert models(store, "rollback", "web")[1] == f"web is now web@{first[:12]}\n"
    header, row = listing.as_table(store.root).splitlines()
    assert row[header.index("EARLIER") :].split()[0] == second[:12]
    assert models(store, "promote", "web", second[:12]) == (0, f"web is now web@{second[:12]}\n")


def test_the_newest_few_come_first_and_json_has_all(store: Store) -> None:
    digests = [put(store, "web", seed) for seed in range(6)]
    row = listing.as_table(store.root).splitlines()[1]
    assert " ".join([*(digest[:12] for digest in digests[-2:-5:-1]), "+2"]) in row
    assert json.loads(models(store, "list", "--json")[1])[0]["earlier"] == digests[-2::-1]


def test_what_is_not_there_any_more_is_not_offered(store: Store) -> None:
    gone = put(store, "web", 1)
    put(store, "web", 2)
    (store.root / "bundles" / gone).rename(store.root / "gone")
    assert [row["earlier"] for row in listing.rows(store.root)] == [[]]


def test_a_damaged_bundle_still_shows_the_earlier_one(store: Store) -> None:
    first, second = put(store, "web", 1), put(store, "web", 2)
    (store.root / "bundles" / second / "model.onnx").write_bytes(b"")
    (row,) = listing.rows(store.root)
    assert (row["earlier"], row["state"] != "ok") == ([first], True)


def test_promote_refuses_another_source_with_exit_code_2(store: Store) -> None:
    put(store, "web", 1)
    hosts = put(store, "hosts", 2, "sysmon")
    code, said = models(store, "promote", "web", "hosts")
    assert (code, said.count("\n")) == (2, 1)
    assert f"'web' is for http-access and the bundle {hosts[:12]} for sysmon" in said
    assert models(store, "promote", "web", "hosts", "--another-source") == (0, f"web is now web@{hosts[:12]}\n")
