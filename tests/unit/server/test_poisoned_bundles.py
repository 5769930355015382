"""Bundles that are made to harm, sealed with right hashes: each is refused before a session is built, and the old one serves on."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import onnx
import pytest
from onnx import TensorProto, helper
from services.model_server import DEMO, NAME, store_in

from logsentry.errors import BundleRefused, LogsentryError
from logsentry.scoring.scorer import Options
from logsentry.server.limits import Limits
from logsentry.server.models import Models
from logsentry.store.bundles import Store
from logsentry.store.manifest import Manifest
from logsentry.store.verified import read

WINDOW = (3, 5, 6, 4)


class Evil:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._marker),)


def graph(nodes: list[Any], initializers: list[Any] | None = None) -> bytes:
    one = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    made = helper.make_graph(nodes, "g", [one], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])], initializers or [])
    data: bytes = helper.make_model(made, opset_imports=[helper.make_opsetid("", 23)]).SerializeToString()
    return data


def outside(location: str) -> bytes:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return graph([helper.make_node("Add", ["x", "w"], ["y"])], [tensor])


def huge() -> bytes:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    tensor.dims[:] = [2**40, 2**20]
    return graph([helper.make_node("Add", ["x", "w"], ["y"])], [tensor])


MODELS: dict[str, Callable[[Path], bytes]] = {
    "a pickle": lambda marker: pickle.dumps(Evil(marker)),
    "weights above the folder": lambda marker: outside("../../../etc/passwd"),
    "weights by an absolute path": lambda marker: outside("/etc/passwd"),
    "a foreign operator": lambda marker: graph([helper.make_node("Shell", ["x"], ["y"], domain="evil.ops")]),
    "dimensions of the size of the world": lambda marker: huge(),
    "another graph": lambda marker: graph([helper.make_node("Relu", ["x"], ["y"])]),
    "nothing": lambda marker: b"",
}
FILES: dict[str, Callable[[Path], bytes]] = {
    "probe.npz": lambda marker: pickle.dumps(Evil(marker)),
    "calibration.json": lambda marker: b"[" * 100_000,
    "logkeys.json": lambda marker: b'{"a":' * 100_000,
}


def sealed(store: Path, changed: Mapping[str, bytes]) -> str:
    """The demo's bundle with some files changed, under a manifest that vouches for them; answers its digest."""
    demo = read(DEMO, "demo").manifest
    at = Store(store)

    def described(files: Mapping[str, Any]) -> Manifest:
        return msgspec.structs.replace(demo, files=dict(files))

    before = at.history(NAME)
    with at.incoming() as incoming:
        for file in demo.files:
            (incoming / file).write_bytes(changed.get(file, (DEMO / file).read_bytes()))
        with suppress(BundleRefused):  # it is refused here as well, which is not what is asked: somebody may have copied it in
            at.put(incoming, NAME, described)
    (digest,) = [one for one in at.history(NAME) if one not in before]
    return digest


def kept_out(store: Path, poison: Callable[[Models], str]) -> str:
    """Serve the first bundle, put the poison where the name points, look; answers why it was refused."""

    async def whole() -> str:
        models = Models(store, Options(table=0), Limits())
        await models.begin()
        serves = models.get(NAME)
        poison(models)
        errors = await models.look(0)
        assert [isinstance(error, LogsentryError) for error in errors] == [True], errors
        assert models.get(NAME) is serves
        assert list(await serves.batcher.ask([WINDOW], 30))
        await models.close()
        return models.failures[NAME]

    return asyncio.run(whole())


@pytest.mark.parametrize("kind", MODELS)
def test_a_poisoned_model_is_refused(tmp_path: Path, kind: str) -> None:
    store, marker = tmp_path / "store", tmp_path / "marker"
    store_in(store, 1)
    assert kept_out(store, lambda models: sealed(store, {"model.onnx": MODELS[kind](marker)}))
    assert not marker.exists()


@pytest.mark.parametrize("file", FILES)
def test_another_poisoned_file_is_refused(tmp_path: Path, file: str) -> None:
    store, marker = tmp_path / "store", tmp_path / "marker"
    store_in(store, 1)
    assert kept_out(store, lambda models: sealed(store, {file: FILES[file](marker)}))
    assert not marker.exists()


@pytest.mark.parametrize("link", ["symbolic", "to the folder"])
def test_a_link_out_of_the_store_is_refused(tmp_path: Path, link: str) -> None:
    store, aside = tmp_path / "store", tmp_path / "aside"
    _, second = store_in(store)

    def poison(models: Models) -> str:
        folder = store / "bundles" / second
        if link == "symbolic":
            shutil.move(folder / "model.onnx", aside)
            (folder / "model.onnx").symlink_to(aside)
        else:
            shutil.move(folder, aside)
            folder.symlink_to(aside / "..")
        Store(store).point(NAME, second)
        return second

    assert kept_out(store, poison)


def test_a_serving_process_has_no_loader_of_pickles() -> None:
    """numpy and the standard library know `pickle` by name; what matters is that nothing that reads a bundle asks for it."""
    import logsentry.scoring
    import logsentry.store

    for package in (logsentry.store, logsentry.scoring):
        assert package.__file__
        for path in Path(package.__file__).parent.glob("*.py"):
            text = path.read_text()
            assert "import pickle" not in text
            assert "allow_pickle=True" not in text
            assert "torch" not in [line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith("import ")]
