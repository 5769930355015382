"""The store keeps what it was given, finds it by every name it has, and refuses whatever differs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from logsentry.errors import BundleRefused, UsageError
from logsentry.sdk import Graph, Part
from logsentry.store.bundles import Store, locate
from logsentry.store.manifest import SCHEMA_VERSION, FileEntry, Manifest, TrainingData
from logsentry.store.verified import Bundle, read

OPSET_23 = b"\x42\x02\x10\x17"  # ModelProto: opset_import { version: 23 }


def manifest(files: dict[str, FileEntry], source: str = "http-access") -> Manifest:
    return Manifest(
        schema_version=SCHEMA_VERSION, detector="logbert-ensemble", source=source, logsentry="0", opset=23, keys=9, max_length=66,
        parts=(Part("logbert-ensemble", "masked-keys", (Graph("model.onnx"),)),), seed=1, data=TrainingData("", 1, 1, "", ""), files=files,
        metrics={}, detector_config={},
    )  # fmt: skip


def put(store: Store, name: str = "web", model: bytes = OPSET_23, source: str = "http-access") -> Bundle:
    with store.incoming() as folder:
        (folder / "model.onnx").write_bytes(model)
        (folder / "notes.json").write_bytes(b"{}")
        return store.put(folder, name, lambda files: manifest(files, source))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_bundle_comes_back_as_it_was_put(store: Store) -> None:
    bundle = put(store)
    found = store.find("web")
    assert (found.digest, found.files, found.reference) == (bundle.digest, bundle.files, f"web@{bundle.digest[:12]}")
    assert os.listdir(store.root / "bundles") == [bundle.digest]


def test_the_same_content_is_the_same_bundle(store: Store) -> None:
    assert put(store).digest == put(store, "again").digest
    assert store.names() == ["again", "web"]
    assert len(store.digests()) == 1


@pytest.mark.parametrize("form", ["web", "web@{digest}", "{digest}", "web@{short}", "{short}"])
def test_every_form_of_a_reference(store: Store, form: str) -> None:
    bundle = put(store)
    assert locate(form.format(digest=bundle.digest, short=bundle.digest[:8]), store.root).digest == bundle.digest


def test_a_reference_may_be_a_path(store: Store) -> None:
    bundle = put(store)
    for path in (store.root, store.root / "web", Path(bundle.folder)):
        assert locate(str(path), Path("elsewhere")).digest == bundle.digest


@pytest.mark.parametrize("reference", ["nothing", "web@abcdef", "ab", "no/such/folder", "", "../web"])
def test_an_unknown_reference_is_told(store: Store, reference: str) -> None:
    put(store)
    with pytest.raises(UsageError):
        locate(reference, store.root)


def test_promote_and_rollback(store: Store) -> None:
    first, second = put(store), put(store, model=OPSET_23 * 2)
    assert store.find("web").digest == second.digest
    assert store.rollback("web").digest == first.digest
    assert store.promote("web", second.digest[:10]).digest == second.digest
    put(store, "lonely")
    with pytest.raises(UsageError, match="none to go back to"):
        store.rollback("lonely")


def test_a_name_keeps_its_source_unless_another_is_wanted(store: Store) -> None:
    web, hosts = put(store), put(store, "hosts", source="sysmon")
    with pytest.raises(
        UsageError, match=f"'web' is for http-access and the bundle {hosts.digest[:12]} for sysmon; .*--another-source"
    ):
        store.promote("web", "hosts")
    assert store.find("web").digest == web.digest
    assert store.promote("new", "hosts").digest == hosts.digest
    assert store.promote("web", "hosts", another_source=True).digest == hosts.digest
    assert store.rollback("web").digest == web.digest


def test_a_damaged_bundle_keeps_no_successor_out(store: Store) -> None:
    first, second, hosts = put(store), put(store, model=OPSET_23 * 2), put(store, "hosts", source="sysmon")
    shutil.rmtree(second.folder)
    with pytest.raises(UsageError, match="--another-source"):
        store.promote("web", "hosts")
    shutil.rmtree(first.folder)
    assert store.promote("web", "hosts").digest == hosts.digest


def test_an_empty_store_says_how_to_name_another(store: Store) -> None:
    with pytest.raises(UsageError, match="it has: nothing yet; name another with --store or LOGSENTRY_STORE"):
        store.find("web")
    put(store)
    with pytest.raises(UsageError, match=r"it has: web$"):
        store.find("other")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "nul\0"])
def test_a_name_is_a_name(store: Store, name: str) -> None:
    with pytest.raises(UsageError):
        put(store, name)


def grow(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(OPSET_23 + b"\0")


def flip(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"\x42\x02\x10\x16")


def drop(folder: Path) -> None:
    (folder / "notes.json").unlink()


def add(folder: Path) -> None:
    (folder / "payload.pkl").write_bytes(b"")


def link(folder: Path) -> None:
    (folder / "notes.json").unlink()
    (folder / "notes.json").symlink_to("/etc/hostname")


def rewrite(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"seed": 1', '"seed": 2'))


def newer(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 99'))


def unfinished(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def garbage(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"\xff{")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (grow, "bytes and should have"), (flip, "SHA-256 differs"), (drop, "missing"), (add, "payload.pkl"), (link, "no plain file"),
        (rewrite, "changed after it was stored"), (newer, "schema version 99"), (unfinished, "never finished"), (garbage, "cannot be read"),
    ],
)  # fmt: skip
def test_whatever_differs_is_refused(store: Store, harm: Callable[[Path], None], said: str) -> None:
    bundle = put(store)
    harm(Path(bundle.folder))
    with pytest.raises(BundleRefused, match=said):
        read(Path(bundle.folder))


def test_a_manifest_cannot_name_files_elsewhere(store: Store, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"")
    folder = tmp_path / "bundle"
    folder.mkdir()
    empty = FileEntry("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0)
    (folder / "manifest.json").write_bytes(manifest({"../outside": empty}).to_bytes())
    with pytest.raises(BundleRefused, match="no plain file name"):
        read(folder)


def test_nothing_is_left_of_a_bundle_that_was_not_finished(store: Store) -> None:
    def fail(files: dict[str, FileEntry]) -> Manifest:
        raise BundleRefused("no")

    with store.incoming() as folder:
        (folder / "model.onnx").write_bytes(OPSET_23)
        with pytest.raises(BundleRefused, match="no"):
            store.put(folder, "web", fail)
    assert os.listdir(store.root / "bundles") == []
