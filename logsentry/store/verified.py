"""Reads a bundle's folder, and refuses whatever differs from its manifest: content, sizes, links, extra files, foreign operators.

Each file is read once, so what was hashed is what is used, whatever happens to the folder afterwards.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from logsentry.errors import BundleRefused
from logsentry.store import manifest as manifests
from logsentry.store.manifest import MANIFEST, NAME, FileEntry, Manifest
from logsentry.store.onnx_wire import inspect

MAX_FILE_BYTES = 2**31  # protobuf's own limit for one message; a manifest is far smaller


class Bundle(msgspec.Struct, frozen=True):
    """A verified bundle in memory: what was hashed is what is used, whatever happens to the folder afterwards."""

    name: str
    folder: str
    manifest: Manifest
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def reference(self) -> str:
        """`name@digest`, as every score says it."""
        return f"{self.name}@{self.digest[:12]}"


def read(folder: Path, name: str = "") -> Bundle:
    """Read and verify the bundle in a folder; raises `BundleRefused` with the reason."""
    if not (folder / MANIFEST).is_file():
        raise BundleRefused(f"{folder} holds no bundle: it has no {MANIFEST}, or the copy of it never finished")
    manifest = manifests.parse(_bytes(folder / MANIFEST), str(folder))
    if re.fullmatch(r"[0-9a-f]{64}", folder.name) and folder.name != manifest.digest:
        raise BundleRefused(f"{folder}: the manifest is not the one the folder is named for; it was changed after it was stored")
    files = {file: _verified(folder, file, entry) for file, entry in sorted(manifest.files.items())}
    extra = sorted(set(os.listdir(folder)) - set(files) - {MANIFEST})
    if extra:
        raise BundleRefused(f"{folder} holds a file that its manifest does not name: {extra[0]}")
    for part in manifest.parts:
        for file in (*(graph.file for graph in part.graphs), *filter(None, (part.probe, part.file))):
            if file not in files:
                raise BundleRefused(f"{folder}: the manifest promises {file!r} for {part.name} and does not list it")
        for graph in part.graphs:
            inspect(files[graph.file], f"{folder.name}/{graph.file}")
    return Bundle(name or manifest.detector, str(folder), manifest, files)


def _verified(folder: Path, file: str, entry: FileEntry) -> bytes:
    if not NAME.fullmatch(file) or file == MANIFEST:
        raise BundleRefused(f"{folder}: the manifest names a file {file!r}, which is no plain file name")
    data = _bytes(folder / file)
    if len(data) != entry.bytes:
        raise BundleRefused(f"{folder}: {file} has {len(data):,} bytes and should have {entry.bytes:,}; get the bundle again")
    if sha256(data).hexdigest() != entry.sha256:
        raise BundleRefused(f"{folder}: {file} is not what was stored (its SHA-256 differs); get the bundle again")
    return data


def _bytes(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise BundleRefused(f"{path} is missing or no plain file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BundleRefused(f"{path} is larger than any bundle file may be")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleRefused(f"{path} cannot be read: {error.strerror}") from error
